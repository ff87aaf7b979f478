// Failure detection (reference section 7): heartbeats of the leader, signs of life at the follower, both seen only at
// ticks. Time here is the last tick's; nothing is more precise than one tick, as in the library.
import { between, type Instant, type NodeId, type Sequence, type View } from "../base/index.js";
import type { Published } from "./checkpoint.js";
import type { Core } from "./core.js";
import type { HeartBeatResponse } from "./wire/message.js";

export interface MonitorEvents {
  readonly timeout: (view: View, leader: NodeId) => void;
  readonly sync: (reason: string) => void;
}

export class HeartbeatMonitor {
  readonly #core: Core;
  readonly #published: Published;
  readonly #events: MonitorEvents;
  #role: "leader" | "follower" | undefined;
  #view = 0 as View; // brand constructor
  #leader = 0 as NodeId; // brand constructor
  #lastTick: Instant;
  /** The last sign of life at a follower; the last send at the leader. */
  #reference: Instant;
  #timedOut = false;
  /** A leader whose own requests time out falls silent and watches like a follower (section 3.2). */
  #silenced = false;
  #syncRequested = false;
  readonly #responses = new Map<NodeId, View>();
  #behind = false;
  #behindSequence = 0;
  #behindTicks = 0;

  constructor(core: Core, published: Published, events: MonitorEvents) {
    this.#core = core;
    this.#published = published;
    this.#events = events;
    this.#lastTick = core.now;
    this.#reference = core.now;
  }

  /** At every start of a View, also of the same one. */
  assign(view: View, leader: NodeId): void {
    this.#view = view;
    this.#leader = leader;
    this.#role = leader === this.#core.self ? "leader" : "follower";
    this.#reference = this.#lastTick;
    this.#timedOut = false;
    this.#silenced = false;
    this.#syncRequested = false;
    this.#responses.clear();
    this.#behind = false;
    this.#behindTicks = 0;
    this.#core.trace("heartbeatMonitor", "role", { role: this.#role, view, leader });
  }

  silence(): void {
    if (this.#role !== "leader") return;
    this.#role = "follower";
    this.#silenced = true;
    this.#reference = this.#lastTick;
    this.#core.trace("heartbeatMonitor", "heartbeatsStopped", { view: this.#view, leader: this.#leader });
  }

  /** A PrePrepare, Prepare or Commit of ours is as good as a heartbeat. */
  messageSent(): void {
    if (this.#role === "leader" || (this.#silenced && this.#core.improved)) this.#reference = this.#lastTick;
  }

  start(now: Instant): void {
    this.#lastTick = now;
    this.#reference = now;
  }

  tick(now: Instant): void {
    this.#lastTick = now;
    if (this.#role === "leader") this.#leaderTick(now);
    else if (this.#role === "follower") this.#followerTick(now);
  }

  #leaderTick(now: Instant): void {
    const { leaderHeartbeatCount, leaderHeartbeatTimeout } = this.#core.options;
    if (between(this.#reference, now) * leaderHeartbeatCount < leaderHeartbeatTimeout || !this.#published.active)
      return;
    const { sequence } = this.#published;
    this.#reference = now;
    this.#core.trace("heartbeatMonitor", "heartbeatSent", { view: this.#view, sequence });
    this.#core.broadcast({ kind: "HeartBeat", view: this.#view, sequence });
  }

  #followerTick(now: Instant): void {
    if (this.#timedOut) {
      this.#reference = now;
      return;
    }
    if (between(this.#reference, now) >= this.#core.options.leaderHeartbeatTimeout) {
      this.#timedOut = true;
      // A leader that fell silent hears of no newer view by itself: it asks again and again (docs/protocol.md, surprise 38).
      if (this.#core.improved && this.#silenced) {
        this.#timedOut = false;
        this.#reference = now;
      }
      this.#core.trace("heartbeatMonitor", "heartbeatTimeout", { view: this.#view, leader: this.#leader });
      this.#events.timeout(this.#view, this.#leader);
      return;
    }
    if (!this.#behind) return;
    this.#behindTicks++;
    if (this.#behindTicks < this.#core.options.numOfTicksBehindBeforeSyncing) return;
    this.#behindTicks = 0;
    this.#events.sync("behind the leader by one for too many ticks");
  }

  /** `artificial`: any normal-case message of the leader; it counts as life, but never as being behind. */
  heartbeat(
    from: NodeId,
    beat: { readonly view: View; readonly sequence: Sequence },
    { artificial }: { readonly artificial: boolean },
  ): string {
    if (beat.view < this.#view) {
      this.#core.send(from, { kind: "HeartBeatResponse", view: this.#view });
      return `answered: view ${beat.view}, own ${this.#view}`;
    }
    if (from !== this.#leader && !this.#silenced) return `dropped: from ${from}, leader ${this.#leader}`;
    if (beat.view > this.#view) {
      this.#events.sync("heartbeat of a higher view");
      return `behind: view ${beat.view}, own ${this.#view}`;
    }
    const { active, sequence } = this.#published;
    if (active && !artificial && beat.sequence > sequence + 1) {
      this.#events.sync("heartbeat far ahead");
      return `behind: sequence ${beat.sequence}, own ${sequence}`;
    }
    this.#reference = this.#lastTick;
    this.#behind = active && !artificial && beat.sequence === sequence + 1;
    if (!this.#behind) {
      this.#behindTicks = 0;
      return "alive";
    }
    if (sequence > this.#behindSequence) {
      this.#behindSequence = sequence;
      this.#behindTicks = 0;
    }
    return `alive: behind by one, sequence ${beat.sequence}, own ${sequence}`;
  }

  /** Any F+1 that report higher views, which need not agree (section 15, item 23). */
  response(from: NodeId, { view }: HeartBeatResponse): string {
    if (this.#role !== "leader") return "dropped: not the leader";
    if (this.#syncRequested) return "dropped: sync requested already";
    if (view <= this.#view) return `dropped: view ${view}, own ${this.#view}`;
    this.#responses.set(from, view);
    if (this.#responses.size >= this.#core.f + 1) {
      this.#syncRequested = true;
      this.#events.sync("deposed, by heartbeat responses");
    }
    return "stored";
  }
}
