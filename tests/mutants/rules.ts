// Rules of the protocol, altered: for the rows of the conformance table, each of which must fail under one of these or
// under a mutant. Not bugs that the fuzzer could see: a cluster that agrees on another rule agrees.
// `tests` are the files of the table in which it should show; only they are run.
import { inFile, type Patch } from "./mutants.js";

export interface Rule {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** As the table writes them: `smartbft-x` of tests/pure, or a path below src. */
  readonly tests: readonly string[];
}

const rule = (name: string, tests: readonly string[], ...patches: readonly Patch[]): Rule => ({ name, tests, patches });
const cluster = "smartbft-cluster";
const rotation = "smartbft-rotation";
const reconfiguration = "smartbft-reconfiguration";
const viewTests = "smartbft-view";
const change = "smartbft-view-change";
const changeData = "smartbft-view-data";
const changeInFlight = "smartbft-in-flight";
const failure = "smartbft-failure-detection";
const requests = "smartbft-requests";
const leaders = "smartbft-leaders";
const view = inFile("smartbft/view.ts");
const changer = inFile("smartbft/view-changer.ts");
const installer = inFile("smartbft/view-installer.ts");
const controller = inFile("smartbft/controller.ts");
const monitor = inFile("smartbft/heartbeat-monitor.ts");
const pool = inFile("smartbft/pool.ts");
const batcher = inFile("smartbft/batcher.ts");
const viewData = inFile("smartbft/view-data.ts");
const inFlight = inFile("smartbft/in-flight.ts");
const blacklist = inFile("smartbft/blacklist.ts");
const replica = inFile("smartbft/replica.ts");
const synchronisation = inFile("smartbft/synchronisation.ts");
const frames = inFile("smartbft/wire/frames.ts");

export const rules: readonly Rule[] = [
  rule(
    "leader-formula",
    [leaders, cluster, rotation, reconfiguration],
    inFile("smartbft/leader.ts")("memberAt(nodes, view);", "memberAt(nodes, view + 1);"),
    inFile("smartbft/leader.ts")("memberAt(nodes, first + skipped);", "memberAt(nodes, first + skipped + 1);"),
  ),
  rule(
    "no-batch-limit",
    [cluster, requests],
    pool("if (requests.length >= requestBatchMaxCount ||", "if (requests.length >= 1 ||"),
  ),
  rule(
    "no-forwarding",
    [requests],
    controller(`if (!isLeader) this.#core.emit({ kind: "forward", to: leader, request });`, "void request;"),
  ),
  rule(
    "anybody-takes-forwarded",
    [requests],
    replica("if (!this.#components.controller.isLeader) return", "if (this.#components.controller.view < 0) return"),
  ),
  rule(
    "no-complaint",
    [reconfiguration, rotation, requests],
    controller(`else this.complain(this.#view, "request", { stopView: true });`, "else void info;"),
  ),
  rule(
    "no-heartbeat-timeout",
    [failure],
    monitor(
      "if (between(this.#reference, now) >= this.#core.options.leaderHeartbeatTimeout) {",
      "if (between(this.#reference, now) < 0) {",
    ),
  ),
  rule("times-out-again", [failure], monitor("      this.#timedOut = true;\n", "")),
  rule(
    "heartbeats-half-as-often",
    [failure],
    monitor("* leaderHeartbeatCount < leaderHeartbeatTimeout", "* leaderHeartbeatCount < 2 * leaderHeartbeatTimeout"),
  ),
  rule(
    "messages-are-no-heartbeat",
    [failure],
    monitor(
      `if (this.#role === "leader" || (this.#silenced && this.#core.improved)) this.#reference = this.#lastTick;`,
      "",
    ),
  ),
  rule(
    "no-heartbeat-response",
    [failure],
    monitor("    if (beat.view < this.#view) {\n", "    if (beat.view < 0) {\n"),
  ),
  rule(
    "responses-of-f",
    [failure],
    monitor("this.#responses.size >= this.#core.f + 1", "this.#responses.size >= this.#core.f"),
  ),
  rule(
    "deposed-deaf",
    [cluster],
    monitor("    if (this.#responses.size >= this.#core.f + 1) {", "    if (this.#responses.size < 0) {"),
  ),
  rule(
    "behind-by-one-stays",
    [failure],
    monitor("this.#behindTicks < this.#core.options.numOfTicksBehindBeforeSyncing", "this.#behindTicks > 0"),
  ),
  rule(
    "leader-never-falls-silent",
    [cluster],
    controller("if (isLeader) this.#parts.monitor.silence();", "if (isLeader) void info;"),
  ),
  rule("sync-forgets-decisions", ["src/smartbft/synchronisation"], synchronisation(": own.decisions,", ": 0,")),
  rule(
    "sync-ignores-answers",
    ["src/smartbft/synchronisation", rotation],
    synchronisation("  if (collected === undefined) {", "  if (collected === undefined || collected.view >= 0) {"),
  ),
  rule(
    "sync-goes-back",
    ["src/smartbft/synchronisation"],
    synchronisation('if (collected.view <= own.view && returnedView < own.view) return { kind: "nothing" };', ""),
  ),
  rule(
    "no-sync",
    [cluster, rotation, reconfiguration, failure],
    controller(
      "    if (this.#syncing) return;\n    this.#syncing = true;\n",
      "    if (this.#busy || !this.#busy) return;\n    this.#syncing = true;\n",
    ),
  ),
  rule(
    "one-answer-collects",
    [failure],
    inFile("smartbft/collector.ts")("if (equal >= this.#core.f + 1) {", "if (equal >= 1) {"),
  ),
  rule(
    "never-collects",
    [failure, cluster],
    inFile("smartbft/collector.ts")("if (equal >= this.#core.f + 1) {", "if (equal < 0) {"),
  ),
  rule(
    "collects-for-ever",
    [failure],
    inFile("smartbft/collector.ts")("    this.#due = after(this.#core.now, this.#core.options.collectTimeout);\n", ""),
  ),
  rule("assists-nobody", [viewTests, cluster], view("    this.#core.send(from, { ...own, assist: true });\n", "")),
  rule(
    "assists-refused",
    [viewTests, cluster],
    view(
      'if (from === this.#core.self) return "rejected: own vote";',
      'if (from === this.#core.self || message.assist) return "rejected: own vote";',
    ),
  ),
  rule(
    "lag-by-one-vote",
    [viewTests],
    inFile("smartbft/votes.ts")("if (votes >= own.f + 1) return", "if (votes >= 1) return"),
  ),
  rule(
    "lag-never",
    [viewTests, cluster],
    inFile("smartbft/votes.ts")("if (votes >= own.f + 1) return", "if (votes < 0) return"),
  ),
  rule("next-slot-lost", [viewTests], view("    this.#current = this.#next;\n", "    this.#current = new Slot();\n")),
  rule(
    "second-pre-prepare",
    [viewTests],
    view(`if (slot.prePrepare !== undefined || (slot`, `if (slot.proposal2 === undefined && (slot`),
    inFile("smartbft/votes.ts")(
      "  prePrepare: PrePrepare | undefined;\n",
      "  prePrepare: PrePrepare | undefined;\n  proposal2: undefined;\n",
    ),
  ),
  rule(
    "metadata-unchecked",
    [viewTests],
    inFile("smartbft/proposal.ts")("if (metadata[name] !== expected[name]) return", "if (metadata[name] < 0) return"),
    inFile("smartbft/proposal.ts")(
      "if (proposal.verificationSequence !== verificationSequence) {",
      "if (proposal.verificationSequence < verificationSequence - 1e9) {",
    ),
  ),
  rule(
    "wrong-digest-prepares",
    [viewTests],
    view("if (counted?.vote.digest === this.#digest) this", "if (counted !== undefined) this"),
  ),
  rule(
    "commits-unverified",
    [viewTests],
    view(
      "if (valid === true) this.#signatures.push(signature);",
      "if (valid !== undefined) this.#signatures.push(signature);",
    ),
  ),
  rule(
    "votes-early",
    [viewTests],
    view("if (this.#preparedBy.length < this.#core.q - 1 ||", "if (this.#preparedBy.length < this.#core.q - 2 ||"),
  ),
  rule(
    "broadcast-before-log",
    [viewTests],
    view(
      "    this.#parts.state.saveProposed(message, prepare);\n    if (this.leader === this.#core.self) this.#host.broadcast(message);\n",
      "    if (this.leader === this.#core.self) this.#host.broadcast(message);\n    this.#parts.state.saveProposed(message, prepare);\n",
    ),
  ),
  rule(
    "resumes-silently",
    [viewTests],
    view(
      `    if (this.#phase === "proposed" && this.#sentPrepare !== undefined) this.#host.broadcast(this.#sentPrepare);\n    if (this.#phase === "prepared" && this.#sentCommit !== undefined) this.#host.broadcast(this.#sentCommit);\n`,
      "",
    ),
  ),
  rule("resumes-nothing", [viewTests, cluster, "smartbft-restart"], view("    this.#resume(start.resume);\n", "")),
  rule(
    "batch-waits",
    [requests],
    batcher(
      "if (this.#pool.count >= requestBatchMaxCount || this.#pool.bytes >= requestBatchMaxBytes) return this.#take();",
      "void requestBatchMaxCount;\n    void requestBatchMaxBytes;",
    ),
  ),
  rule(
    "batcher-reopened",
    [requests],
    controller(
      "if (this.#core.improved && this.isLeader) this.batcher.open();",
      "if (!this.#core.improved && this.isLeader) this.batcher.open();",
    ),
  ),
  rule(
    "pool-knows-nothing",
    [requests],
    pool(`if (this.#entries.has(key)) return "request already exists";`, ""),
    pool(`return this.#removed.has(key) ? "request already processed" : undefined;`, "return undefined;"),
  ),
  rule(
    "pool-refuses-at-once",
    [requests],
    pool("if (this.#waiting.length >= this.#places) return", "if (this.#waiting.length >= 0) return"),
  ),
  rule(
    "pool-never-prunes",
    [reconfiguration],
    pool(
      "    if (verificationSequence === this.#verificationSequence) return;\n",
      "    if (verificationSequence >= 0) return;\n",
    ),
  ),
  rule(
    "pool-timers-twice-as-long",
    [requests, failure],
    pool("due: after(this.#core.now, timeout) });", "due: after(this.#core.now, (2 * timeout) as Duration) });"),
  ),
  rule(
    "no-view-number",
    [change, changeData, changeInFlight],
    changer(
      "    this.#nextView = toView(this.#currView + 1);\n    this.#parts",
      "    this.#nextView = toView(this.#currView + 2);\n    this.#parts",
    ),
  ),
  rule("timers-go-on", [change], changer("    this.#parts.pool.stopTimers();\n", "")),
  rule(
    "joins-late",
    [change, changeData, changeInFlight, cluster, rotation, reconfiguration],
    changer("const quorum = this.#votes.size >= q - 1;", "const quorum = this.#votes.size >= q;"),
  ),
  rule(
    "joins-early",
    [change],
    changer("const quorum = this.#votes.size >= q - 1;", "const quorum = this.#votes.size >= 1;"),
  ),
  rule(
    "never-resends",
    [change],
    changer(
      "    if (this.#checkTimeout && after(this.#lastResend, viewChangeResendInterval) <= this.#lastTick) {",
      "    if (after(this.#lastResend, viewChangeResendInterval) < 0) {",
    ),
  ),
  rule("no-back-off", [change], changer("    this.#backOff += 1;\n", "")),
  rule("timeout-without-sync", [change], changer(`    this.#events.sync("view change timeout");\n`, "")),
  rule(
    "learns-no-view",
    [change],
    changer(
      "    if (view < this.#currView) return;\n    this.#currView = view;\n    this.#realView = view;",
      "    if (view >= 0) return;\n    this.#currView = view;\n    this.#realView = view;",
    ),
  ),
  rule(
    "restores-no-view-change",
    [change, "smartbft-restart", cluster],
    inFile("smartbft/components.ts")("    if (point.viewChange) this.viewChanger.restore();\n", ""),
  ),
  rule(
    "restores-no-view",
    ["smartbft-restart"],
    inFile("smartbft/recovery.ts")(
      'return { ...ledger, number: view, entered: view, decisions: 0, facts: { from: "newView", view, sequence } };',
      'return { ...ledger, facts: { from: "newView", view, sequence } };',
    ),
  ),
  rule(
    "view-data-of-others",
    [changeData],
    installer("if (leader !== core.self) return refuse(`next leader is ${leader}`);", ""),
  ),
  rule(
    "view-data-of-any-view",
    [changeData],
    viewData("if (data.nextView !== nextView) return", "if (data.nextView < 0) return"),
  ),
  rule(
    "far-ahead-is-next",
    [changeData],
    viewData("if (sequence > checkpoint.sequence + 1) return", "if (sequence > checkpoint.sequence + 9) return"),
  ),
  rule(
    "other-decision-is-same",
    [changeData],
    viewData(
      "if (own !== undefined && !equalProposals(own, lastDecision)) return",
      "if (own === undefined && !equalProposals(lastDecision, lastDecision)) return",
    ),
  ),
  rule(
    "few-signatures",
    [changeData],
    viewData("if (signatures.length < q)", "if (signatures.length < 0)"),
    viewData("if (items.length < q)", "if (items.length < 0)"),
  ),
  rule(
    "in-flight-unchecked",
    [changeData],
    viewData("  if (metadata.sequence !== expected)\n", "  if (metadata.sequence < 0)\n"),
  ),
  rule(
    "in-flight-always-told",
    [changeInFlight, "src/smartbft/in-flight"],
    viewData("  if (behind === 0) return undefined;\n", ""),
    viewData("return undefined;\n  // Anything older", "return proposal;\n  // Anything older"),
  ),
  rule(
    "in-flight-never-told",
    [changeInFlight, cluster],
    viewData(
      "inFlightProposal: offeredInFlight(checkpoint, inFlight.told(nextView, members), committedInChange),",
      "inFlightProposal: offeredInFlight(checkpoint, undefined, committedInChange),",
    ),
  ),
  // The library's own history (item 32). No schedule reaches it: a sync that clears the proposal replaces or stops the View
  // that would mark it in the same step, and where one decides nothing, no View is at the place that it cleared.
  rule(
    "pruned-in-flight-panics",
    ["src/smartbft/in-flight"],
    inFlight(
      "    if (this.#proposal !== undefined) this.#preparedIn = this.#view;\n",
      '    if (this.#proposal === undefined) throw new RangeError("nothing in flight");\n    this.#preparedIn = this.#view;\n',
    ),
  ),
  rule(
    "in-flight-forgotten-at-once",
    ["src/smartbft/in-flight"],
    inFlight("    this.#proposal = proposal;\n", "    this.#proposal = undefined;\n    void proposal;\n"),
  ),
  rule(
    "in-flight-agreed-on-nothing",
    ["src/smartbft/in-flight", cluster],
    inFlight("if (prePrepared >= f + 1 && noArgument >= q)", "if (prePrepared < 0)"),
  ),
  rule(
    "nothing-is-undecided",
    ["src/smartbft/in-flight"],
    inFlight("return noneLike >= q ?", "return noneLike > 99 ?"),
  ),
  rule(
    "in-flight-at-once",
    [changeInFlight],
    inFile("smartbft/in-flight-commit.ts")("const ticksToWait = 2;", "const ticksToWait = 1;"),
  ),
  rule(
    "new-view-of-few",
    [changeData],
    inFile("smartbft/new-view.ts")("if (data.length >= core.q)", "if (data.length >= 1)"),
  ),
  rule("new-view-of-anybody", [changeData], changer("from !== leader ? `from", "from === this.#core.self ? `from")),
  rule(
    "new-view-begins-timers-not",
    [changeData],
    changer("this.#installer.nextSequence);\n    this.#parts.pool.restartTimers();", "this.#installer.nextSequence);"),
  ),
  rule("nobody-is-redeemed", [leaders, rotation], blacklist("return witnesses <= f;", "return witnesses <= 99;")),
  rule(
    "nobody-is-listed",
    [leaders, rotation],
    blacklist("if (skippedLeader !== leader) skipped.push(skippedLeader);", "void leader;"),
  ),
  rule(
    "signatures-unbound",
    [leaders, rotation],
    blacklist(
      "  if (options.decisionsPerLeader === 0) {\n    const carried",
      "  if (options.decisionsPerLeader >= 0) {\n    const carried",
    ),
  ),
  rule(
    "no-rotation",
    [leaders, rotation, reconfiguration],
    controller("    if (from === to) return;\n", "    if (from >= 0) return;\n"),
  ),
  rule(
    "rotation-keeps-timers",
    [leaders],
    controller(
      "decisions: this.#decisions });\n    this.#parts.pool.restartTimers();",
      "decisions: this.#decisions });",
    ),
  ),
  rule("members-stay", [reconfiguration], replica("    core.adopt(options);\n", "")),
  rule(
    "delivered-twice",
    [failure, changeData],
    inFile("smartbft/delivery.ts")(
      'if (task.kind === "deliver" && this.#checkpoint.sequence < task.sequence) {',
      'if (task.kind === "deliver") {',
    ),
  ),
  rule(
    "torn-is-clean",
    ["src/node/wal", "src/smartbft/wire/wire"],
    frames(`if (next !== written) return stop("checksum differs");`, ""),
  ),
  rule(
    "no-copy",
    ["src/node/wal"],
    inFile("node/wal.ts")("  await copyFile(path, `${path}.copy`);\n", "  void copyFile;\n"),
  ),
  rule(
    "damage-forgiven",
    ["src/node/wal"],
    inFile("node/wal.ts")(
      '  if (state.kind === "fatal")\n',
      '  if (state.kind !== "fatal" && state.kind !== "torn")\n',
    ),
  ),
  rule(
    "der-without-length",
    ["src/smartbft/wire/example-application"],
    inFile("smartbft/wire/digest.ts")(
      "export function derInteger(value: number): Uint8Array {",
      "export function derInteger(given: number): Uint8Array {\n  const value = given + 1;",
    ),
  ),
];
