// A plausible run told as events, for the tests of this room: n orderers, one peer, one client at 50 transactions a second; the
// leader of view 0 loses its interface, the others complain, vote, install view 1 and go on; the leader heals and catches up.
// Every delay of the story can be lengthened, so that a gap planted in one plane must be found in its phase and nowhere else.
import { milliseconds, quorumSize, type Duration, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import { faultMs, loadStartMs, ordererNames, timelineMs, type StoryOptions } from "./story-context.js";

const at = (ms: number): Instant => Math.round(ms * 1_000) as Instant; // integer microseconds by construction
const loadEndMs = 40_000;
const batchMs = 100;
const theFault = {
  kind: "fault",
  node: "",
  fault: 1,
  what: "interface-down",
  how: "admin",
  target: "orderer1:eth1",
  asked: "leader",
} as const;

/** Tells the story; the events come in the order of their instants. */
export function leaderDown(options: StoryOptions = {}): readonly Event[] {
  const story = new Story(options);
  story.begin();
  story.normalCase();
  story.fault();
  story.viewChange();
  story.recovery();
  story.end();
  return story.events.toSorted((left, right) => left.at - right.at);
}

interface Transaction {
  readonly name: string;
  readonly ms: number;
}

class Story {
  readonly events: Event[] = [];
  readonly #options: StoryOptions;
  readonly #names: readonly string[];
  readonly #quorum: number;
  readonly #pending: Transaction[] = [];
  readonly #blocks: { readonly number: number; readonly view: number; readonly transactions: readonly string[] }[] = [];
  #number = 0;
  #nextMs = loadStartMs;
  #installedMs = 0;

  constructor(options: StoryOptions) {
    this.#options = options;
    this.#names = ordererNames(options.orderers ?? 4);
    this.#quorum = quorumSize(this.#names.length);
  }

  begin(): void {
    const versions = { node: "20" };
    this.#add({
      kind: "environment",
      at: at(1_000),
      node: "",
      format: 1,
      clock: "monotonic",
      runtime: "netns",
      lab: "story",
      versions,
      wallTime: "",
    });
    for (const [index, node] of [...this.#names, "peer1", "client1"].entries()) {
      const process = node.replace(/\d+$/, "");
      this.#add({
        kind: "process",
        at: at(1_100 + index),
        node,
        process,
        pid: 100 + index,
        state: "started",
        detail: "",
      });
      this.#add({
        kind: "probe",
        at: at(1_200 + index),
        node: "",
        probe: "clock",
        subject: node,
        asked: "",
        measured: 40 + index,
        unit: "us",
      });
    }
    for (const node of this.#names)
      this.#step(1_300, node, "controller", "viewStarting", { view: 0, sequence: 1, decisions: 0, leader: 1 });
    this.#phase(1_900, "ready");
    this.#phase(loadStartMs, "workload-started");
    this.#phase(timelineMs, "timeline-started");
  }

  normalCase(): void {
    for (let ms = loadStartMs + batchMs; ms < faultMs; ms += batchMs) {
      this.#ask(ms, this.#names);
      this.#decide(ms + 10, 0, this.#names, ms + 20);
    }
    this.#phase(loadStartMs + 130, "warm");
  }

  fault(): void {
    const due = at(faultMs - (this.#options.lateMs ?? 0.4));
    const dueAt = { dueAt: due };
    this.#add({ ...theFault, ...dueAt, at: due, state: "requested", detail: "" });
    const link = { kind: "link", deleted: false, carrier: false } as const;
    this.#add({ ...link, at: at(faultMs - 0.1), node: "orderer1", interface: "eth1", admin: "down" });
    const lateness = milliseconds(this.#options.lateMs ?? 0.4);
    this.#add({ ...theFault, ...dueAt, at: at(faultMs), state: "effective", lateness, detail: "state DOWN" });
    this.#add({ ...link, at: at(faultMs + 0.3), node: "r1", interface: "eth9", admin: "up" });
    const route = {
      kind: "route",
      destination: "10.0.0.1/32",
      interface: "eth1",
      protocol: "ospf",
      via: "10.3.0.1",
    } as const;
    this.#add({ ...route, at: at(faultMs + 250), node: "orderer2", action: "deleted" });
    this.#add({
      kind: "socket",
      at: at(faultMs + 900),
      node: "orderer3",
      local: "10.0.0.3:40000",
      remote: "10.0.0.1:7050",
      state: "error",
      detail: "EHOSTUNREACH",
    });
    this.#add({
      kind: "stream",
      at: at(faultMs + 901),
      node: "orderer3",
      peer: "orderer1",
      service: "cluster",
      state: "transient-failure",
      detail: "",
    });
  }

  viewChange(): void {
    const { detectionExtraMs = 0, viewChangeExtraMs = 0, inFlightMs = 0, decisionExtraMs = 0 } = this.#options;
    const live = this.#names.slice(1);
    const complaintMs =
      faultMs + (this.#options.forwardMs ?? 500) + (this.#options.complainMs ?? 1_500) - 5 + detectionExtraMs;
    for (const [index, node] of live.entries()) {
      const ms = complaintMs + index * 0.5;
      const reason = index < this.#quorum - 1 ? { reason: "request", view: 0, leader: 1, stopView: true } : undefined;
      if (reason !== undefined) this.#step(ms, node, "controller", "complaint", reason);
      this.#step(ms + 0.1, node, "viewChanger", "viewChangeStarted", { view: 0, nextView: 1 });
      this.#step(ms + 3, node, "viewChanger", "viewChangeJoined", { view: 0, nextView: 1 });
      this.#step(ms + 3.5, node, "viewChanger", "viewDataSent", { nextView: 1, leader: 2 });
    }
    this.#step(complaintMs + 5, "orderer2", "viewChanger", "viewDataQuorum", { nextView: 1 });
    const newViewMs = complaintMs + 5.5 + viewChangeExtraMs;
    this.#step(newViewMs, "orderer2", "viewChanger", "newViewSent", { view: 1 });
    for (const [index, node] of live.entries()) {
      const ms = newViewMs + 1 + index * 0.5;
      this.#step(ms, node, "viewChanger", "newViewAccepted", { view: 1 });
      if (inFlightMs > 0) {
        this.#step(ms + 0.1, node, "viewChanger", "inFlightWaiting", { view: 0, sequence: this.#number + 1 });
        this.#step(ms + 0.1 + inFlightMs, node, "viewChanger", "inFlightCommitted", {
          view: 0,
          sequence: this.#number + 1,
        });
      }
      this.#step(ms + 1 + inFlightMs, node, "controller", "viewInstalled", { view: 1, sequence: this.#number + 1 });
      this.#step(ms + 1.2 + inFlightMs, node, "controller", "viewStarting", {
        view: 1,
        sequence: this.#number + 1,
        decisions: 0,
        leader: 2,
      });
    }
    this.#installedMs = newViewMs + 2 + (this.#quorum - 1) * 0.5 + inFlightMs;
    this.#step(this.#installedMs + 40, "orderer2", "view", "proposing", {
      view: 1,
      sequence: this.#number + 1,
      count: 100,
    });
    this.#nextBlockMs = this.#installedMs + 50 + decisionExtraMs;
  }

  #nextBlockMs = 0;

  /** Deciding again in view 1, the backlog first; then the old leader comes back. */
  recovery(): void {
    const { failoverMs = 0, commitExtraMs = 0, oldWorkFirstMs, healAfterMs = 20_000 } = this.#options;
    const live = this.#names.slice(1);
    this.#ask(this.#nextBlockMs - 20, live);
    let commitMs = this.#nextBlockMs + 10 + commitExtraMs;
    if (failoverMs > 0) {
      this.#add({
        kind: "source",
        at: at(this.#nextBlockMs + failoverMs),
        node: "peer1",
        orderer: "orderer3",
        state: "pulling",
        reason: "censorship",
      });
      commitMs += failoverMs;
    }
    if (oldWorkFirstMs !== undefined) {
      const old = this.#pending.filter((each) => each.ms < faultMs).length;
      this.#decide(this.#nextBlockMs, 1, live, commitMs, old);
      this.#nextBlockMs += oldWorkFirstMs;
      commitMs += oldWorkFirstMs;
    }
    this.#decide(this.#nextBlockMs, 1, live, commitMs);
    let healed = false;
    for (let ms = Math.max(this.#nextBlockMs, commitMs) + batchMs; ms < loadEndMs; ms += batchMs) {
      if (!healed && ms > faultMs + healAfterMs) {
        healed = true;
        this.#heal(faultMs + healAfterMs);
      }
      const members = healed ? this.#names : live;
      this.#ask(ms, members);
      if (this.#pending.length > 0) this.#decide(ms + 10, 1, members, ms + 20);
    }
  }

  #heal(ms: number): void {
    this.#add({ ...theFault, at: at(ms), state: "heal-requested", detail: "" });
    this.#add({ ...theFault, at: at(ms + 0.5), state: "healed", detail: "" });
    const missed = this.#blocks.filter((block) => block.view === 1);
    for (const [index, block] of missed.entries()) {
      this.#block(ms + 2 + index * 0.01, "orderer1", block, "sync");
    }
    this.#step(ms + 90, "orderer1", "viewChanger", "viewLearnt", { view: 1 });
    this.#step(ms + 91, "orderer1", "controller", "viewStarting", {
      view: 1,
      sequence: this.#number + 1,
      decisions: 0,
      leader: 2,
    });
  }

  end(): void {
    this.#phase(loadEndMs, "workload-stopped");
    this.#phase(loadEndMs + 0.1, "timeline-ended");
    for (const node of this.#names) {
      this.#add({
        kind: "probe",
        at: at(loadEndMs + 500),
        node: "",
        probe: "pool",
        subject: node,
        asked: "",
        measured: 0,
        unit: "count",
      });
    }
    this.#phase(loadEndMs + 1_000, "stopped");
  }

  /** The client's transactions up to `untilMs`, accepted by the orderers given. */
  #ask(untilMs: number, orderers: readonly string[]): void {
    for (; this.#nextMs < untilMs; this.#nextMs += 20) {
      const name = `tx${this.#nextMs}`;
      const base = {
        kind: "request",
        node: "client1",
        transaction: name,
        intendedAt: at(this.#nextMs),
        detail: "",
      } as const;
      this.#add({ ...base, at: at(this.#nextMs + 0.1), state: "invoked", orderer: "" });
      const reached = this.#nextMs < faultMs ? this.#names : orderers;
      for (const orderer of reached) this.#add({ ...base, at: at(this.#nextMs + 2), state: "accepted", orderer });
      this.#pending.push({ name, ms: this.#nextMs });
    }
  }

  #decide(ms: number, view: number, orderers: readonly string[], commitMs: number, count = 100): void {
    this.#number += 1;
    const transactions = this.#pending.splice(0, count).map((each) => each.name);
    const block = { number: this.#number, view, transactions };
    this.#blocks.push(block);
    for (const [index, orderer] of orderers.entries()) this.#block(ms + index * 0.5, orderer, block, "decision");
    this.#block(commitMs, "peer1", block, "orderer4");
  }

  #block(
    ms: number,
    node: string,
    block: { number: number; view: number; transactions: readonly string[] },
    source: string,
  ): void {
    const { number, view, transactions } = block;
    const role = node.startsWith("peer") ? "peer" : "orderer";
    this.#add({
      kind: "block",
      at: at(ms),
      node,
      role,
      number,
      hash: `hash${number}`,
      previousHash: `hash${number - 1}`,
      view,
      bytes: 1_000,
      transactions,
      duplicates: [],
      source,
    });
  }

  #step(
    ms: number,
    node: string,
    component: Extract<Event, { kind: "step" }>["component"],
    step: Extract<Event, { kind: "step" }>["step"],
    facts: Record<string, string | number | boolean>,
  ): void {
    this.#add({ kind: "step", at: at(ms), node, component, step, facts });
  }

  #phase(ms: number, phase: Extract<Event, { kind: "phase" }>["phase"]): void {
    this.#add({ kind: "phase", at: at(ms), node: "", phase });
  }

  #add(event: Event): void {
    this.events.push(event);
  }
}

/** Milliseconds of a duration, for expectations. */
export const inMs = (duration: Duration | undefined): number => (duration ?? Number.NaN) / 1_000;
