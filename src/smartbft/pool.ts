// The request pool (reference sections 3.2, 3.3): requests in order of arrival, each with one timer that walks the chain
// forward → complain → auto-remove, and submissions that wait for space.
//
// All requests wait equally long in a stage, so each stage is a queue in order of expiry and its head is the next timer.
import { after, earliest, type Duration, type Instant } from "../base/index.js";
import type { RequestInfo, SubmitRefusal } from "./contract.js";
import type { Core } from "./core.js";

interface Entry {
  readonly key: string;
  readonly info: RequestInfo;
  readonly request: Uint8Array;
}

interface Timed {
  readonly entry: Entry;
  readonly due: Instant;
}

interface Waiting {
  readonly entry: Entry;
  readonly token: number | undefined;
  readonly due: Instant;
}

/** What the controller does when a request's timer expires; `batcher` learns of admissions. */
export interface PoolEvents {
  readonly forward: (request: Uint8Array, info: RequestInfo) => void;
  readonly complain: (info: RequestInfo) => void;
  readonly admitted: () => void;
}

export class Pool {
  readonly #core: Core;
  readonly #events: PoolEvents;
  readonly #entries = new Map<string, Entry>();
  readonly #stages = {
    forward: new Map<string, Timed>(),
    complain: new Map<string, Timed>(),
    autoRemove: new Map<string, Timed>(),
  };
  /** Policy when full: at most as many submissions wait as the pool has places; one more is refused at once ("pool full"). */
  #waiting: Waiting[] = [];
  #removed = new Set<string>();
  #nextTrim: Instant | undefined;
  #stopped = false;
  #closed = false;
  #bytes = 0;
  /** Fixed for the pool's life: the only option that a reconfiguration does not change. */
  readonly #places: number;
  #verificationSequence: number;

  constructor(core: Core, events: PoolEvents) {
    this.#core = core;
    this.#events = events;
    this.#places = core.options.requestPoolSize;
    this.#verificationSequence = core.application.verificationSequence();
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `token` names the client's submission and is answered exactly once; none for a request that a peer forwarded. */
  submit(
    request: Uint8Array,
    { token, info = this.#core.application.requestInfo(request) }: { token?: number; info?: RequestInfo } = {},
  ): void {
    if (this.#closed) return this.#refuse(token, "no leader");
    if (info === undefined) return this.#refuse(token, "malformed request");
    if (request.length > this.#core.options.requestMaxBytes) return this.#refuse(token, "request too large");
    const entry: Entry = { key: keyOf(info), info, request };
    const reason = this.#known(entry.key);
    if (reason !== undefined) return this.#refuse(token, reason);
    if (this.#entries.size < this.#places) return this.#admit(entry, token);
    if (this.#waiting.length >= this.#places) return this.#refuse(token, "pool full");
    this.#waiting.push({ entry, token, due: after(this.#core.now, this.#core.options.requestPoolSubmitTimeout) });
  }

  /** Delivered or synced: frees the places, and refuses these identities from now on, even when they never were here. */
  remove(requests: readonly RequestInfo[]): void {
    for (const info of requests) this.#drop(keyOf(info));
    this.#admitWaiting();
  }

  /** The batch that would be taken now: from the head, up to both limits. Requests stay until they are delivered. */
  head(): { readonly requests: readonly Uint8Array[]; readonly bytes: number; readonly full: boolean } {
    const { requestBatchMaxCount, requestBatchMaxBytes } = this.#core.options;
    const requests: Uint8Array[] = [];
    let bytes = 0;
    for (const { request } of this.#entries.values()) {
      if (requests.length >= requestBatchMaxCount || bytes + request.length > requestBatchMaxBytes) {
        return { requests, bytes, full: true };
      }
      requests.push(request);
      bytes += request.length;
    }
    return { requests, bytes, full: requests.length >= requestBatchMaxCount || bytes >= requestBatchMaxBytes };
  }

  /** After a decision or a sync: under another verification sequence, requests that no longer verify go (section 5.8). */
  revalidate(): void {
    const { application } = this.#core;
    const verificationSequence = application.verificationSequence();
    if (verificationSequence === this.#verificationSequence) return;
    this.#verificationSequence = verificationSequence;
    const asked = [...this.#entries.values()].map((entry) => ({
      entry,
      items: application.requestItems(entry.request),
    }));
    this.#prune(asked.filter(({ items }) => items === undefined).map(({ entry }) => entry));
    const known = asked.flatMap(({ entry, items }) => (items ?? []).map((item) => ({ entry, item })));
    if (known.length === 0) return;
    this.#core.verify(
      known.map(({ item }) => item),
      (results) => this.#prune(known.filter((_, index) => results[index] !== true).map(({ entry }) => entry)),
    );
  }

  #prune(entries: readonly Entry[]): void {
    const keys = new Set(entries.map(({ key }) => key));
    if (keys.size === 0) return;
    for (const key of keys) this.#drop(key);
    this.#core.trace("pool", "pruned", { count: keys.size });
    this.#admitWaiting();
  }

  /** Evicted: nobody is answered by a decision any more. */
  close(): void {
    this.#closed = true;
    this.#clearStages();
    for (const { token } of this.#waiting.splice(0)) this.#refuse(token, "no leader");
  }

  /** Cancels every request's timer, at whatever stage; new requests are admitted without one. */
  stopTimers(): void {
    this.#clearStages();
    this.#stopped = true;
    this.#core.trace("pool", "timersStopped", { count: this.#entries.size });
  }

  /** Resets every request to the start of the chain. */
  restartTimers(): void {
    this.#clearStages();
    this.#stopped = false;
    for (const entry of this.#entries.values()) this.#arm("forward", entry, this.#core.options.requestForwardTimeout);
    this.#core.trace("pool", "timersRestarted", { count: this.#entries.size });
  }

  deadline(): Instant | undefined {
    const { forward, complain, autoRemove } = this.#stages;
    return earliest(this.#waiting[0]?.due, firstDue(forward), firstDue(complain), firstDue(autoRemove));
  }

  /** Fires the one timer that is due first; the replica calls it while a deadline is due. */
  expire(): void {
    const due = this.deadline();
    if (due === undefined || due > this.#core.now) return;
    const waiting = this.#waiting[0];
    if (waiting?.due === due) {
      this.#waiting.shift();
      return this.#refuse(waiting.token, "pool full");
    }
    for (const stage of ["forward", "complain", "autoRemove"] as const) {
      const timers = this.#stages[stage];
      if (firstDue(timers) !== due) continue;
      for (const [key, { entry }] of timers) {
        timers.delete(key);
        return this.#fire(stage, entry);
      }
    }
  }

  /** The next stage is armed before anything is done about this one (section 3.2). */
  #fire(stage: "forward" | "complain" | "autoRemove", entry: Entry): void {
    const { requestComplainTimeout, requestAutoRemoveTimeout } = this.#core.options;
    if (stage === "forward") {
      this.#arm("complain", entry, requestComplainTimeout);
      this.#events.forward(entry.request, entry.info);
    } else if (stage === "complain") {
      this.#arm("autoRemove", entry, requestAutoRemoveTimeout);
      this.#events.complain(entry.info);
    } else {
      this.#drop(entry.key);
      this.#core.trace("pool", "autoRemoved", { ...entry.info });
      this.#admitWaiting();
    }
  }

  #admit(entry: Entry, token: number | undefined): void {
    this.#entries.set(entry.key, entry);
    this.#bytes += entry.request.length;
    if (!this.#stopped) this.#arm("forward", entry, this.#core.options.requestForwardTimeout);
    if (token !== undefined) {
      this.#core.emit({ kind: "submitted", token, outcome: { kind: "accepted", request: entry.info } });
    }
    this.#events.admitted();
  }

  #admitWaiting(): void {
    while (this.#waiting.length > 0 && this.#entries.size < this.#places) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      const reason = this.#known(waiting.entry.key);
      if (reason === undefined) this.#admit(waiting.entry, waiting.token);
      else this.#refuse(waiting.token, reason);
    }
  }

  #refuse(token: number | undefined, reason: SubmitRefusal): void {
    this.#core.trace("pool", "refused", { reason });
    if (token !== undefined) this.#core.emit({ kind: "submitted", token, outcome: { kind: "refused", reason } });
  }

  #known(key: string): SubmitRefusal | undefined {
    if (this.#entries.has(key)) return "request already exists";
    this.#trim();
    return this.#removed.has(key) ? "request already processed" : undefined;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= entry.request.length;
      const { forward, complain, autoRemove } = this.#stages;
      if (!forward.delete(key) && !complain.delete(key)) autoRemove.delete(key);
    }
    this.#trim();
    this.#removed.add(key);
  }

  /**
   * Every 5 s the library cuts the list of removed identities to its newest 1000. Nothing but submissions and removals
   * looks at the list, so cutting it at the first of them after the mark is the same.
   */
  #trim(): void {
    const { now } = this.#core;
    if (this.#nextTrim !== undefined && now < this.#nextTrim) return;
    const elapsed = this.#nextTrim === undefined ? 0 : Math.floor((now - this.#nextTrim) / trimInterval);
    this.#nextTrim = after(this.#nextTrim ?? now, (trimInterval * (elapsed + 1)) as Duration); // whole microseconds
    if (this.#removed.size <= removedKept) return;
    this.#removed = new Set([...this.#removed].slice(-removedKept));
  }

  #arm(stage: "forward" | "complain" | "autoRemove", entry: Entry, timeout: Duration): void {
    this.#stages[stage].set(entry.key, { entry, due: after(this.#core.now, timeout) });
  }

  #clearStages(): void {
    for (const timers of Object.values(this.#stages)) timers.clear();
  }
}

const trimInterval = 5_000_000;
const removedKept = 1000;

/** Two pairs of strings never share a key: the length says where the first one ends. */
const keyOf = ({ clientId, requestId }: RequestInfo): string => `${clientId.length}:${clientId}${requestId}`;

function firstDue(timers: ReadonlyMap<string, Timed>): Instant | undefined {
  if (timers.size === 0) return undefined;
  for (const { due } of timers.values()) return due;
  return undefined;
}
