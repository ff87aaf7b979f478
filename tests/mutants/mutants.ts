// Planted bugs: source patches that the test loader applies (patch.ts), nowhere else; the product knows nothing of them.
// Each must raise an alarm of the fuzzer, which scripts/mutants counts in seeds. `since` names what the bug is of the
// library: its own history, by the number of docs/protocol.md's surprises, where `improved` does without it. A bug that
// another rule hides from outside is no mutant but an altered rule, with the test that fails under it (rules.ts).

import type { PlotName } from "../../src/sim/index.js";

export interface Patch {
  /** Below src/. */
  readonly file: string;
  /** Stands there exactly once, or the run fails. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly what: string;
  readonly patches: readonly Patch[];
  /** One of the library's own. */
  readonly since?: number;
  /** Plots of the fuzzer in which it shows, as far as that is known. */
  readonly plots?: readonly PlotName[];
}

export const inFile =
  (file: string) =>
  (find: string, replace: string): Patch => ({ file, find, replace });
const view = inFile("smartbft/view.ts");
const state = inFile("smartbft/state.ts");
const recovery = inFile("smartbft/recovery.ts");
const controller = inFile("smartbft/controller.ts");
const changer = inFile("smartbft/view-changer.ts");
const installer = inFile("smartbft/view-installer.ts");
const newView = inFile("smartbft/new-view.ts");
const viewData = inFile("smartbft/view-data.ts");
const inFlight = inFile("smartbft/in-flight.ts");
const components = inFile("smartbft/components.ts");
const votes = inFile("smartbft/votes.ts");
const pool = inFile("smartbft/pool.ts");
const replica = inFile("smartbft/replica.ts");
const mutant = (name: string, what: string, ...patches: readonly Patch[]): Mutant => ({ name, what, patches });
const historical = (since: number, name: string, what: string, ...patches: readonly Patch[]): Mutant => ({
  name,
  what,
  patches,
  since,
});

const shownIn: Readonly<Record<string, readonly PlotName[]>> = {
  "in-flight-argument-ignored": ["decidedOneStory"],
  "strangers-vote": ["removedUnawares"],
  "nothing-too-easily": ["decidedAlone"],
  "new-view-of-anybody": ["lyingNextLeader", "decidedAlone"],
  "new-view-unsigned": ["decidedAlone", "lyingNextLeader"],
  "one-signer-many-times": ["decidedAlone", "lyingNextLeader"],
  "last-decision-unchecked": ["decidedAlone", "lyingNextLeader"],
  "view-goes-on": ["withheldNewView", "decidedAlone"],
  "restart-forgets-commit": ["decidedAlone"],
  "restart-forgets-in-flight": ["decidedAlone", "restartedInChange"],
  "restored-without-requests": ["restartedLeader"],
  "past-proposal-restored": ["synchronisedPast"],
  "two-views-at-once": ["restartedInChange"],
  "new-view-replayed": ["saidAgain"],
  "unsigned-entries": ["lyingNextLeader", "decidedAlone"],
  "one-answer-is-enough": ["boastedAt"],
  "falls-back": ["reconfiguredInChange"],
  "timeout-lost": ["complainedInFlight"],
  "two-stories": ["twoStories", "decidedOneStory", "bothStoriesHeld"],
  "first-story-forgotten": ["otherStoryFollowed", "bothStoriesHeld"],
  "promise-outlived": ["withheldNewView"],
  "silent-leader": ["withheldNewView", "oldArgument"],
  "old-argument": [
    "oldArgument",
    "withheldNewView",
    "decidedOneStory",
    "decidedAlone",
    "foundVoid",
    "decidedInChange",
    "twoStories",
    "bothStoriesHeld",
  ],
  "commit-forgotten": ["decidedInChange"],
  "commit-unwatched": ["quorumAtTheTimeout"],
  "two-new-views": ["twoNewViews"],
  "void-argued-for": ["foundVoid"],
  "left-view-claimed": ["startedAgainInChange"],
};

const planted: readonly Mutant[] = [
  mutant(
    "quorum-off-by-one",
    "a quorum is one vote too small, everywhere",
    inFile("base/quorum.ts")(
      "Math.ceil((n + faultsTolerated(n) + 1) / 2);",
      "Math.ceil((n + faultsTolerated(n) + 1) / 2) - 1;",
    ),
  ),
  mutant(
    "commit-without-prepares",
    "commits as soon as it has a proposal",
    view(
      "if (this.#preparedBy.length < this.#core.q - 1 || this.#proposal === undefined) return;",
      "if (this.#proposal === undefined) return;",
    ),
  ),
  mutant(
    "prepare-quorum-one-short",
    "one Prepare too few is enough",
    view(
      "if (this.#preparedBy.length < this.#core.q - 1 || this.#proposal",
      "if (this.#preparedBy.length < this.#core.q - 2 || this.#proposal",
    ),
  ),
  mutant(
    "commit-quorum-one-short",
    "one Commit too few is enough",
    view("if (this.#signatures.length < this.#core.q - 1 ||", "if (this.#signatures.length < this.#core.q - 2 ||"),
  ),
  mutant(
    "prepare-digest-unchecked",
    "a Prepare counts whatever it is for",
    view("if (counted?.vote.digest === this.#digest) this", "if (counted !== undefined) this"),
  ),
  mutant(
    "commit-signature-unchecked",
    "a Commit counts though its signature does not verify",
    view(
      "if (valid === true) this.#signatures.push(signature);",
      "if (valid !== undefined) this.#signatures.push(signature);",
    ),
    view("if (counted.vote.digest !== this.#digest) {", "if (counted.vote.digest === undefined) {"),
  ),
  mutant(
    "foreign-signer",
    "a Commit counts for whoever signed it, not for who sent it",
    view("if (message.signature.signer !== from) return `rejected: signed by ${message.signature.signer}`;", ""),
  ),
  mutant(
    "second-vote-counts",
    "a vote that arrives twice counts twice",
    votes("if (this.#senders.has(from)) return false;", ""),
  ),
  mutant(
    "second-pre-prepare-replaces",
    "another proposal for an occupied slot replaces the first",
    view(
      `if (slot.prePrepare !== undefined || (slot === this.#current && this.#phase !== "committed")) {`,
      `if (slot === this.#current && this.#phase === "prepared") {`,
    ),
    view(
      `case "proposed":
        return this.#countPrepares();`,
      `case "proposed":
        if (this.#current.prePrepare !== undefined && this.#current.prePrepare.proposal !== undefined && proposalDigest(this.#current.prePrepare.proposal) !== this.#digest) return this.#examine();
        return this.#countPrepares();`,
    ),
  ),
  mutant(
    "no-log-before-prepare",
    "the proposal is not in the log when the Prepare leaves",
    state('this.#append({ kind: "proposed", prePrepare, prepare }, { truncate: true });', ""),
  ),
  mutant(
    "no-log-before-commit",
    "the Commit is not in the log when it leaves",
    state('this.#append({ kind: "commit", commit }, { truncate: false });', ""),
  ),
  mutant(
    "prepare-before-log",
    "the Prepare leaves before its record is written",
    view(
      "    this.#parts.state.saveProposed(message, prepare);\n    if (this.leader === this.#core.self) this.#host.broadcast(message);",
      "    this.#host.broadcast(prepare);\n    this.#parts.state.saveProposed(message, prepare);\n    if (this.leader === this.#core.self) this.#host.broadcast(message);",
    ),
  ),
  mutant(
    "in-flight-forgotten",
    "what was proposed last is not in flight",
    state("if (prePrepare.proposal !== undefined) this.#inFlight.set(prePrepare.proposal);", ""),
  ),
  mutant(
    "in-flight-never-prepared",
    "what was prepared is told as merely seen",
    state("    this.#inFlight.markPrepared();", ""),
  ),
  mutant(
    "in-flight-not-committed",
    "a new view begins without what the ViewData agree was in flight",
    installer(
      `if (agreement.kind === "nothing") return this.#install(release);`,
      `if (agreement.kind !== undefined) return this.#install(release);`,
    ),
  ),
  mutant(
    "in-flight-argument-ignored",
    "one who argues against a candidate does not count",
    inFlight("if (prePrepared >= f + 1 && noArgument >= q)", "if (prePrepared >= f + 1)"),
  ),
  mutant(
    "nothing-too-easily",
    "f+1 that know of nothing in flight are enough to forget it",
    inFlight("return noneLike >= q ?", "return noneLike >= f + 1 ?"),
  ),
  mutant(
    "new-view-of-anybody",
    "a NewView is taken from whoever sends it",
    changer("from !== leader ? `from", "from === this.#core.self ? `from"),
  ),
  mutant(
    "new-view-unsigned",
    "the entries of a NewView need no signature",
    newView("if (valid === true) accept();", "if (valid !== undefined) accept();"),
  ),
  mutant(
    "one-signer-many-times",
    "one signer's signatures on a last decision count each",
    viewData("if (seen.has(signature.signer) || !members.includes(signature.signer)) continue;", ""),
  ),
  mutant(
    "last-decision-unchecked",
    "a last decision that is one ahead is delivered unchecked",
    installer(
      "      if (results.every(Boolean)) this.#deliver(found.decision, check);\n",
      "      if (results.length >= 0) this.#deliver(found.decision, check);\n",
    ),
    newView("    if (results.every(Boolean)) done();\n", "    if (results.length >= 0) done();\n"),
    viewData("if (signatures.length < q)", "if (signatures.length < 1)"),
    viewData("if (items.length < q)", "if (items.length < 1)"),
  ),
  mutant(
    "second-ask-counts",
    "who asks for a view twice counts twice",
    changer(
      "readonly #votes = new Set<NodeId>();",
      "readonly #votes = { size: 0, has: (_: NodeId) => false, add: (_: NodeId) => void (this.#votes.size += 1), clear: () => void (this.#votes.size = 0) };",
    ),
  ),
  mutant(
    "view-change-not-logged",
    "that it leaves a view stands in no log",
    changer("this.#parts.state.saveViewChange(this.#currView);", ""),
  ),
  mutant(
    "new-view-not-logged",
    "that it entered a view stands in no log",
    installer(
      "    state.saveNewView(this.#nextView, checkpoint.sequence);\n",
      "    if (state === undefined || checkpoint === undefined) return;\n",
    ),
  ),
  mutant(
    "view-goes-on",
    "a View goes on while its replica votes for the next one",
    controller(
      "    if (view < this.#view) return;\n    this.#stopView();\n  }\n\n  #stopView",
      "    if (view >= 0) return;\n    this.#stopView();\n  }\n\n  #stopView",
    ),
    controller(
      "running !== undefined && running.number <= view) running.stop();",
      "running !== undefined && running.number < 0) running.stop();",
    ),
  ),
  mutant(
    "change-overtaken",
    "a reconfiguration takes up a view change that the ledger is past",
    replica(
      "  if (currentView <= installed.number) return installed;\n",
      "  if (currentView <= realView) return installed;\n",
    ),
    replica(
      "number: toView(currentView - 1), viewChange: true }",
      "number: toView(Math.max(currentView - 1, installed.number)), viewChange: true }",
    ),
  ),
  mutant(
    "restart-forgets-commit",
    "after a restart the Commit in the log is not taken up",
    recovery(`      resume: { phase: "prepared", proposal, commit: last.commit },\n`, ""),
    recovery(
      `      inFlight: { proposal, view: toView(view), preparedIn: toView(view) },\n`,
      "      inFlight: undefined,\n",
    ),
  ),
  mutant(
    "restart-forgets-prepare",
    "after a restart the proposal in the log is not taken up",
    recovery(`    resume: { phase: "proposed", proposal, prepare },\n`, ""),
    recovery(`    inFlight: { proposal, view: toView(view), preparedIn: undefined },\n`, "    inFlight: undefined,\n"),
  ),
  mutant(
    "delivered-twice",
    "what a sync brought is delivered again",
    inFile("smartbft/delivery.ts")(
      'if (task.kind === "deliver" && this.#checkpoint.sequence < task.sequence) {',
      'if (task.kind === "deliver") {',
    ),
  ),
  mutant(
    "pool-not-pruned",
    "what was delivered stays in the pool",
    controller("      this.#parts.pool.remove(requests);\n", ""),
  ),
  mutant(
    "pool-without-end",
    "the pool admits beyond its places",
    pool(
      "if (this.#entries.size < this.#places) return this.#admit(entry, token);",
      "if (this.#entries.size >= 0) return this.#admit(entry, token);",
    ),
  ),
  mutant(
    "early-without-end",
    "early messages are kept without limit",
    inFile("smartbft/early-messages.ts")(", message].slice(-keptPerSender)", ", message]"),
    controller("return message.view > this.#view;", "return true;"),
  ),
  mutant(
    "help-without-end",
    "laggards are helped as often as they ask",
    changer(
      "      if (this.#helped.has(from)) return `dropped: next view ${nextView}, helped since the last tick`;\n",
      "",
    ),
  ),
  mutant(
    "strangers-vote",
    "who is no member any more still counts",
    replica(`    if (!this.#core.options.nodes.includes(from)) return "rejected: sender is not a member";\n`, ""),
  ),
  mutant(
    "timers-stay-stopped",
    "request timers stay stopped once a view was installed",
    changer(
      "    this.#events.viewChanged(this.#currView, this.#installer.nextSequence);\n    this.#parts.pool.restartTimers();\n",
      "    this.#events.viewChanged(this.#currView, this.#installer.nextSequence);\n",
    ),
    changer(
      '    this.#core.trace("viewChanger", "viewLearnt", { view });\n    this.#parts.pool.restartTimers();\n',
      '    this.#core.trace("viewChanger", "viewLearnt", { view });\n',
    ),
  ),
  mutant(
    "one-answer-is-enough",
    "state transfer believes the first answer",
    inFile("smartbft/collector.ts")("if (equal >= this.#core.f + 1) {", "if (equal >= 1) {"),
  ),
  mutant(
    "never-gives-up",
    "a view change has no timeout",
    changer("    if (this.#timeoutDue()) this.#timeout();\n  }\n\n  #timeoutDue", "  }\n\n  #timeoutDue"),
    changer("    if (this.#timeoutDue()) {", "    if (this.#timeoutDue() && this.#backOff < 0) {"),
  ),
  historical(
    1,
    "in-flight-requests-stay",
    "requests of an in-flight commit stay in the pool",
    installer(
      "      if (core.improved) removeRequests(requests);\n",
      "      if (core.q < 0) removeRequests(requests);\n",
    ),
  ),
  historical(
    1,
    "restored-without-requests",
    "a View restored from the log knows no requests of its proposal",
    view("    if (this.#core.improved) this.#requests = this.#core.application.requestsOf(resume.proposal);\n", ""),
  ),
  historical(
    3,
    "restart-forgets-in-flight",
    "a restart in a view change forgets what was in flight",
    recovery(
      "inFlight: improved ? lastInFlight(records, checkpoint.sequence) : undefined,",
      "inFlight: improved && records.length < 0 ? lastInFlight(records, checkpoint.sequence) : undefined,",
    ),
  ),
  historical(
    6,
    "past-proposal-restored",
    "a proposal that the ledger is past is restored",
    recovery(`if (stale && (improved || last.kind === "commit"))`, `if (stale && last.kind === "commit")`),
    recovery('if (improved && view < ledger.number) return { ...ledger, facts: { from: "nothing", sequence } };\n', ""),
  ),
  historical(
    7,
    "two-views-at-once",
    "after a restart the View follows the log and the replica the ledger",
    recovery("  const point = improved\n", "  const point = improved && metadata.view < 0\n"),
  ),
  historical(
    19,
    "new-view-replayed",
    "an installed view is installed again",
    changer(
      "this.#core.improved && this.#realView === this.#currView",
      "this.#core.improved && this.#realView > this.#currView",
    ),
  ),
  historical(
    20,
    "unsigned-entries",
    "entries of who is behind need no signature",
    newView("    if (!core.improved) return accept();\n", "    return accept();\n"),
  ),
  historical(
    21,
    "votes-forgotten",
    "a View started again at its place forgets its votes",
    controller(
      "this.#core.improved && again ? running.voted() : undefined",
      "this.#core.improved && again && running.sequence < 0 ? running.voted() : undefined",
    ),
  ),
  historical(
    34,
    "falls-back",
    "a reconfiguration in mid view change forgets the views",
    replica(
      "? viewKept(startingPoint(checkpoint, [], core), this.#components.viewChanger)",
      "? startingPoint(checkpoint, [], core)",
    ),
    replica("function viewKept(point", "export function viewKept(point"),
  ),
  historical(
    35,
    "timeout-lost",
    "a timeout's request to go on is lost behind two complaints",
    changer("if (this.#isStartQueueFull && !this.#core.improved) {", "if (this.#isStartQueueFull) {"),
    changer("    if (this.#core.improved) this.#nextView = this.#currView;\n", ""),
  ),
  historical(
    36,
    "two-stories",
    "what was voted against is told as in flight all the same",
    state(
      "    if (this.#core.improved) this.#inFlight.contradict(other, how);",
      "    if (this.#core.q < 0) this.#inFlight.contradict(other, how);",
    ),
    inFlight("if (age > f && isByDigest(nextView))", "if (age < 0 && isByDigest(nextView))"),
  ),
  historical(
    36,
    "first-story-forgotten",
    "who follows a NewView that commits the other story tells no more of the first, and says in no vote that it has followed one",
    inFlight("this.isLeftOut(nextView, members) ? this.#before :", "this.isLeftOut(nextView, members) ? undefined :"),
    installer(
      "inFlight.isOfChange ? inFlight.place : undefined",
      "inFlight.isOfChange && core.f < 0 ? inFlight.place : undefined",
    ),
  ),
  historical(
    37,
    "promise-outlived",
    "after a timeout it votes in the view that it had left with its ViewData",
    controller(
      "if (this.#core.improved && next.view < this.#events.promised())",
      "if (this.#core.q < 0 && next.view < this.#events.promised())",
    ),
  ),
  historical(
    37,
    "left-goes-on",
    "a View that was left with ViewData goes on while a delivery or a sync keeps it from being aborted",
    controller(
      "running !== undefined && running.number <= view) running.stop();",
      "running !== undefined && running.number < 0) running.stop();",
    ),
  ),
  historical(
    38,
    "silent-leader",
    "a leader that fell silent waits to be told of a newer view, and nobody tells it",
    controller("    if (this.isLeader) return this.#silentLeader();\n", "    if (this.isLeader) return;\n"),
    controller(
      "  #silentLeader(): void {\n    if (!this.#core.improved) return;",
      "  silentLeader(): void {\n    if (this.#core.improved) return;",
    ),
  ),
  historical(
    39,
    "old-argument",
    "a proposal of an older view is told in every view, and argues against what was prepared since",
    inFlight("return onesOf(age - f) % 2 === 1;", "return false;"),
    inFlight("if (age > f && isByDigest(nextView))", "if (age < 0 && isByDigest(nextView))"),
    // And nobody learns from others that it was void.
    controller("        inFlight.voidBefore(outcome.view);\n", ""),
    installer("if (overruledBy !== undefined)", "if (overruledBy !== undefined && core.f < 0)"),
  ),
  historical(
    40,
    "commit-forgotten",
    "what it commits inside a view change without having prepared it, it does not tell of",
    state("if (this.boundTo(view, sequence) !== undefined) return;", "if (this.#core.q > 0) return;"),
    inFile("smartbft/in-flight-commit.ts")(
      `    state.saveCommit({ kind: "Commit", ...this.#place, signature: undefined, assist: false });\n`,
      "",
    ),
  ),
  historical(
    41,
    "commit-unwatched",
    "a NewView that comes at the timeout is handled before the request to go on: its commit has no timeout",
    changer(
      "if (this.#core.improved) this.#queue.unshift(start);",
      "if (this.#core.q < 0) this.#queue.unshift(start);",
    ),
  ),
  historical(
    42,
    "two-new-views",
    "what was in flight is signed in a view change before a quorum of the new view stands up for it",
    inFile("smartbft/in-flight-commit.ts")(
      "if (this.#agreeing === undefined) return true;",
      "if (this.#ticks > 0) return true;",
    ),
  ),
  historical(
    43,
    "void-argued-for",
    "what was in flight before an installed view is told of in the view changes after it",
    inFlight("if (this.#view < view) return this.clear();", "if (this.#view < view) return;"),
  ),
  historical(
    44,
    "left-view-claimed",
    "who is started again in a view change says by state transfer that it is in the view that it is leaving",
    components(
      "return this.#core.improved && view === this.#left ? realView : view;",
      "void realView;\n    return view;",
    ),
  ),
];

export const mutants: readonly Mutant[] = planted.map((each) => {
  const plots = shownIn[each.name];
  return plots === undefined ? each : { ...each, plots };
});
