// When a surprise of the library has been seen: one recogniser each, over what happened at a node and around it.
// What they share is the memory of the present life of each node.
import type { NodeId } from "../../base/index.js";
import type { Fact, NewView, ReplicaStatus, Trace } from "../../smartbft/index.js";
import { Accounts } from "./accounts.js";
import { born, type Life } from "./life.js";

type Facts = Readonly<Record<string, Fact>>;
type Step = Extract<Trace, { readonly kind: "step" }>;
type Received = Extract<Trace, { readonly kind: "received" }>;

/** What the recognisers ask of the cluster at the moment of a trace. */
export interface Scene {
  readonly running: () => readonly NodeId[];
  readonly status: (node: NodeId) => ReplicaStatus;
  readonly height: (node: NodeId) => number;
  readonly ledgerView: (node: NodeId) => number;
  /** Requests in a node's decision. */
  readonly requestsAt: (node: NodeId, sequence: number) => number;
  /** Sequence of the last proposal in a node's log; 0 without. */
  readonly loggedSequence: (node: NodeId) => number;
  readonly isHonest: (node: NodeId) => boolean;
  /** Whether nothing is wrong with any link or process now. */
  readonly whole: () => boolean;
  readonly emptyAuxiliary: boolean;
  readonly tolerated: () => number;
}

const persistentMin = 3;

export class Sightings {
  /** How often each was seen, from the start and since the faults ended. */
  readonly #counts = new Map<number, { all: number; healed: number }>();
  #healed = false;
  readonly #scene: Scene;
  readonly #lives = new Map<NodeId, Life>();
  /** Views with ViewData whose sender has voted in an older view since, and views that somebody entered by a NewView. */
  readonly #outlived = new Set<number>();
  readonly #entered = new Set<number>();
  readonly accounts: Accounts;
  /** Who was asked to install each view, and who led it. */
  readonly #next = new Map<number, Set<number>>();
  readonly #led = new Map<number, Set<number>>();

  constructor(scene: Scene) {
    this.#scene = scene;
    this.accounts = new Accounts(scene.height, (number) => this.#see(number));
  }

  get seen(): ReadonlySet<number> {
    return new Set(this.#counts.keys());
  }

  /** Seen again and again since the faults ended: what passes by itself explains no stall otherwise. */
  get persistent(): ReadonlySet<number> {
    return new Set([...this.#counts].filter(([, { healed }]) => healed >= persistentMin).map(([number]) => number));
  }

  /** All faults have ended. */
  healed(): void {
    this.#healed = true;
  }

  #see(number: number): void {
    const count = this.#counts.get(number) ?? { all: 0, healed: 0 };
    count.all += 1;
    if (this.#healed) count.healed += 1;
    this.#counts.set(number, count);
  }

  died(node: NodeId): void {
    this.#lives.delete(node);
  }

  /** It sent a Prepare or Commit of its own for this place. */
  voted(node: NodeId, view: number, sequence: number): void {
    this.#life(node).votedAt.add(`${view} ${sequence}`);
  }

  /** A NewView reached it; `forged`: with an entry that does not verify. */
  newView(node: NodeId, _message: NewView, { forged }: { readonly forged: boolean }): void {
    this.#life(node).forgedNewView = forged;
  }

  received(node: NodeId, trace: Received): void {
    const life = this.#life(node);
    life.traces += 1;
    const { type, decision, from, view = 0 } = trace;
    if (type === "NewView") life.lastNewView = view;
    const lost = /^(dropped: view |rejected: pre-prepare)/.test(decision);
    if (type === "PrePrepare" && lost && this.#scene.isHonest(from)) this.#see(10);
    if (type !== "HeartBeatResponse" || decision !== "stored") return;
    life.responses.push(view);
  }

  // A table in the form of a switch: one line or call for each step that a recogniser waits for.
  step(node: NodeId, { step, component, facts }: Step): void {
    const life = this.#life(node);
    life.traces += 1;
    const text = String(facts["reason"] ?? "");
    switch (step) {
      case "restored":
        return this.#restored(node, life, facts);
      case "reconfigured":
        life.reconfigured = true;
        life.everReconfigured = true;
        life.askedBefore = life.asked;
        return;
      case "syncStarted":
        if (life.traces === 1) this.#see(14);
        return;
      case "stateCollected":
        return this.#seeUnentered(Number(facts["view"]));
      case "syncEnded":
        life.wedged = this.#scene.status(node).leader === node;
        return;
      case "proposing":
        life.wedged = false;
        return;
      case "prePrepared":
        // Examined afresh at a place where it has voted: what it voted for is forgotten.
        if (life.againAt === placeOf(facts)) this.#see(21);
        life.voting = true;
        return this.#votedSince(life, Number(facts["view"]));
      case "prepared":
        this.accounts.prepared(node, facts);
        return this.#votedSince(life, Number(facts["view"]));
      case "deciding":
        life.voting = false;
        return;
      case "viewStarting":
        this.accounts.viewStarting(node, facts);
        return this.#viewStarting(life, facts);
      case "delivered":
        return this.#delivered(node, life, component, facts);
      case "blacklist":
        return this.#blacklist(life, facts);
      case "complaint":
        return this.#complaint(node, life, facts);
      case "viewChangeStarted":
        life.votesMissing = true;
        life.asked = Number(facts["nextView"]);
        return;
      case "viewLearnt":
        life.asked = 0;
        return;
      case "viewDataSent":
        life.votesMissing = false;
        life.promised = Number(facts["nextView"]);
        return this.#viewDataSent(life, facts);
      case "viewChangeTimeout":
        return this.#timeout(node, life, facts);
      case "viewDataRefused":
        if (/^last decision (\d+), own (\d+)/.test(text) && isBehind(text)) this.#see(11);
        return;
      case "newViewRefused":
        if (life.lastNewView > Number(facts["view"])) this.#see(18);
        return;
      case "newViewAccepted":
        if (life.forgedNewView) this.#see(20);
        if (life.installed === facts["view"]) this.#see(19);
        this.#entered.add(Number(facts["view"]));
        if (this.#outlived.has(Number(facts["view"]))) this.#see(37);
        return;
      case "inFlightStarted":
        this.accounts.committedInFlight(node, facts);
        life.inFlightAt = Number(facts["sequence"]);
        return;
      case "viewInstalled":
        life.installed = Number(facts["view"]);
        life.asked = 0;
        life.installedSinceDecision += 1;
        if (life.installedSinceDecision >= 4) this.#see(33);
        return;
      case "syncRequested":
        if (text === "heartbeat far ahead") life.farAhead = true;
        if (text.startsWith("deposed") && new Set(life.responses).size > 1) this.#see(23);
        return;
      case "role":
        life.farAhead = false;
        life.responses = [];
        return;
      case "heartbeatTimeout":
        if (life.farAhead) this.#see(24);
        return this.#silentLeader(node, facts);
      case "viewChangeLost":
        this.#see(35);
        return;
      case "inFlightUnwatched":
        this.#see(41);
        return;
      case "badVote":
        return this.#badVote(life, facts);
      case "badProposal":
        if (text.includes("while rotation is off")) this.#see(27);
        return;
      case "forwardTimeout":
        if (facts["isLeader"] === false) this.#see(29);
        return;
      default:
    }
  }

  /** It votes in a view that it had left with ViewData for a newer one. */
  #votedSince({ promised }: Life, view: number): void {
    if (view >= promised) return;
    this.#outlived.add(promised);
    if (this.#entered.has(promised)) this.#see(37);
  }

  /** Somebody starts in the view, or F+1 say that they are there. */
  #seeUnentered(view: number): void {
    if (view > 0 && !this.#entered.has(view)) this.#see(44);
  }

  /** It leads by its own reckoning, has fallen silent, and others are elsewhere. */
  #silentLeader(node: NodeId, facts: Facts): void {
    const { running, status } = this.#scene;
    const own = status(node);
    if (facts["leader"] !== node || own.leader !== node) return;
    if (running().some((other) => status(other).leader !== node || status(other).sequence > own.sequence))
      this.#see(38);
  }

  #restored(node: NodeId, life: Life, facts: Facts): void {
    const { height, ledgerView, loggedSequence } = this.#scene;
    const from = String(facts["from"]);
    const resumed = from === "proposed" || from === "commit";
    const sequence = Number(facts["sequence"] ?? 0);
    if (resumed) life.resumedAt = sequence;
    life.restoredInChange = from === "viewChange";
    if (life.reconfigured) {
      life.reconfigured = false;
      if (resumed) this.#see(5);
      return;
    }
    if (from === "proposed" && sequence <= height(node)) this.#see(6);
    if (resumed && Number(facts["view"]) > ledgerView(node)) this.#see(7);
    if (!resumed && from !== "nothing" && loggedSequence(node) > height(node)) this.#see(3);
  }

  #viewStarting(life: Life, facts: Facts): void {
    const view = Number(facts["view"]);
    life.wedged = false;
    // It asked for more, the members or rules changed, and it begins again below: its numbers have fallen back.
    if ((view < life.view && life.everReconfigured) || view < life.askedBefore) this.#see(34);
    life.askedBefore = 0;
    if (life.restoredInChange) this.#seeUnentered(view);
    life.restoredInChange = false;
    life.view = view;
    const led = this.#led.get(view) ?? new Set();
    this.#led.set(view, led.add(Number(facts["leader"])));
    life.startedLeader = Number(facts["leader"]);
    const place = placeOf(facts);
    life.againAt = life.votedAt.has(place) ? place : "";
    life.voting = false;
  }

  #delivered(node: NodeId, life: Life, component: string, facts: Facts): void {
    const { requestsAt, emptyAuxiliary, isHonest } = this.#scene;
    const sequence = Number(facts["sequence"]);
    life.installedSinceDecision = 0;
    const unlisted = component === "controller" ? facts["count"] === 0 : sequence === life.inFlightAt;
    if (unlisted && requestsAt(node, sequence) > 0) this.#see(1);
    if (life.blacklist.length === 0) life.listedSince = 0;
    else life.listedSince += 1;
    const honest = life.blacklist.some((id) => isHonest(id as NodeId));
    if (emptyAuxiliary && honest && life.listedSince > 8) this.#see(16);
  }

  #blacklist(life: Life, facts: Facts): void {
    const list = facts["blacklist"];
    if (typeof list !== "object") return;
    const view = Number(facts["view"]);
    const skipped = [view - 1, view - 2, view - 3, view - 4].flatMap((before) => [
      ...(this.#next.get(before) ?? []),
      ...(this.#led.get(before) ?? []),
    ]);
    const wrong = list.some((id) => !life.blacklist.includes(id) && !skipped.includes(id));
    if (wrong || new Set(list).size < list.length) this.#see(15);
    life.blacklist = list;
    life.listedSince = 1;
  }

  #complaint(node: NodeId, life: Life, facts: Facts): void {
    const { status, running, isHonest, whole } = this.#scene;
    const leader = Number(facts["leader"]) as NodeId; // a fact of the replica
    life.complainedAbout = leader;
    if (facts["reason"] !== "request") return;
    const own = status(node);
    if (whole() && life.voting) this.#see(2);
    if (leader !== life.startedLeader) this.#see(8);
    if (!running().includes(leader)) return;
    const theirs = status(leader);
    // Also where it lied before: its replica is the same.
    if (this.#life(leader).wedged && theirs.leader === leader) this.#see(13);
    if (isHonest(leader) && theirs.view === own.view && theirs.leader !== leader) this.#see(9);
  }

  #viewDataSent(life: Life, facts: Facts): void {
    const [nextView, leader] = [Number(facts["nextView"]), Number(facts["leader"])];
    if (leader === life.complainedAbout) this.#see(4);
    const leaders = this.#next.get(nextView) ?? new Set();
    this.#next.set(nextView, leaders.add(leader));
    if (leaders.size > 1) this.#see(22);
  }

  /** More Prepares for another proposal than liars could send. */
  #badVote(life: Life, facts: Facts): void {
    if (facts["reason"] !== "Prepare with another digest") return;
    const place = placeOf(facts);
    life.against = life.againstAt === place ? life.against + 1 : 1;
    life.againstAt = place;
    if (life.against > this.#scene.tolerated()) this.#see(36);
  }

  #timeout(node: NodeId, life: Life, facts: Facts): void {
    const { running, status } = this.#scene;
    if (life.votesMissing && Number(facts["attempt"]) >= 2) this.#see(17);
    const { nextView } = status(node);
    const others = running().filter((other) => other !== node);
    if (life.votesMissing && others.every((other) => !status(other).viewChanging || status(other).nextView < nextView))
      this.#see(12);
  }

  #life(node: NodeId): Life {
    let life = this.#lives.get(node);
    if (life === undefined) this.#lives.set(node, (life = born()));
    return life;
  }
}

const placeOf = (facts: Facts): string => `${String(facts["view"])} ${String(facts["sequence"])}`;

function isBehind(reason: string): boolean {
  const [, theirs = "0", own = "0"] = /^last decision (\d+), own (\d+)/.exec(reason) ?? [];
  return Number(theirs) < Number(own);
}
