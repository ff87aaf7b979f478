// A node's process: one thread that takes its work in order, on processors that it may have to share. Work is done in one
// go at the instant at which it begins; what it charges moves the process's own clock, at which its effects leave, and keeps
// the processor busy until then.
import { instant, present, type Instant } from "../../base/index.js";
import type { Scheduler } from "../scheduler.js";

/** libuv's UV_THREADPOOL_SIZE. */
const poolThreadCount = 4;

/** The processors of the machine; processes that find none free wait in line. */
export class Cores {
  readonly #scheduler: Scheduler;
  #free: number;
  readonly #line: Process[] = [];
  #giving = false;

  /** `count` 0: as many as there are processes. */
  constructor(scheduler: Scheduler, count: number) {
    this.#scheduler = scheduler;
    this.#free = count === 0 ? Number.POSITIVE_INFINITY : count;
  }

  request(process: Process): void {
    this.#line.push(process);
    if (!this.#giving) this.#give();
  }

  #give(): void {
    this.#giving = true;
    while (this.#free > 0) {
      const process = this.#line.shift();
      if (process === undefined) break;
      const until = process.work();
      if (until <= this.#scheduler.now) {
        process.pausedBetween();
        continue;
      }
      this.#free -= 1;
      this.#scheduler.at(until, () => {
        this.#free += 1;
        process.pausedBetween();
        this.#give();
      });
    }
    this.#giving = false;
  }
}

export interface Timer {
  /** Undefined disarms it. */
  set(at: Instant | undefined): void;
}

export class Process {
  readonly #scheduler: Scheduler;
  readonly #cores: Cores;
  readonly #wakeUs: number;
  #queue: (() => void)[] = [];
  #head = 0;
  /** In line for a processor, or on one. */
  #busy = false;
  /** What the work in progress has charged so far. */
  #chargedUs = 0;
  #life = 1;
  #stopped = false;
  #alive = true;
  /** Threads of its pool, once it was used: further claimants of the same processors. */
  #pool: readonly Process[] = [];

  constructor(scheduler: Scheduler, cores: Cores, wakeUs: number) {
    this.#scheduler = scheduler;
    this.#cores = cores;
    this.#wakeUs = wakeUs;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The process's own now: later than the world's by what the work in progress has cost so far. */
  now(): Instant {
    return this.#chargedUs === 0 ? this.#scheduler.now : instant(this.#scheduler.now + this.#chargedUs);
  }

  charge(us: number): void {
    this.#chargedUs += us;
  }

  /** In order, as soon as there is a processor. Nothing once the process has died. */
  run(work: () => void): void {
    if (!this.#alive) return;
    this.#queue.push(work);
    if (!this.#busy && !this.#stopped) this.#wake();
  }

  /**
   * Work for the thread pool, in slices of a processor's time, dealt out among its threads, which stand in line like everybody;
   * `then` is work of this process when all are done.
   */
  aside(slicesUs: readonly number[], then: () => void): void {
    if (this.#pool.length === 0)
      this.#pool = Array.from({ length: poolThreadCount }, () => new Process(this.#scheduler, this.#cores, 0));
    let waiting = slicesUs.length;
    const done = (): void => {
      waiting -= 1;
      if (waiting === 0) this.run(then);
    };
    for (const [index, us] of slicesUs.entries()) {
      const thread = present(this.#pool[index % poolThreadCount], "a thread of the pool");
      thread.run(() => {
        thread.charge(us);
        this.at(thread.now(), done);
      });
    }
  }

  /** Stopped in its tracks: work and timers wait, the kernel's part of its connections goes on. */
  stop(): void {
    this.#stopped = true;
    for (const thread of this.#pool) thread.stop();
  }

  resume(): void {
    this.#stopped = false;
    for (const thread of this.#pool) thread.resume();
    if (!this.#busy && this.#head < this.#queue.length) this.#wake();
  }

  #wake(): void {
    this.#busy = true;
    const wait = this.#chargedUs + this.#wakeUs;
    if (wait === 0) this.#cores.request(this);
    else this.#scheduler.at(instant(this.#scheduler.now + wait), () => this.#cores.request(this));
  }

  /** A timer of this process: fires as work, never early. */
  timer(fire: () => void): Timer {
    const life = this.#life;
    let wanted: Instant | undefined;
    let planned: Instant | undefined;
    const due = (at: Instant): void => {
      if (planned === at) planned = undefined;
      if (life !== this.#life || wanted === undefined) return;
      if (wanted > at) return plan();
      wanted = undefined;
      this.run(fire);
    };
    const plan = (): void => {
      if (wanted === undefined || (planned !== undefined && planned <= wanted)) return;
      const at = wanted < this.#scheduler.now ? this.#scheduler.now : wanted;
      planned = at;
      this.#scheduler.at(at, () => due(at));
    };
    return {
      set: (at) => {
        wanted = at;
        plan();
      },
    };
  }

  /** Calls back at an instant unless the process died meanwhile; not as work: for what a kernel or a disk does. */
  at(when: Instant, then: () => void): void {
    const life = this.#life;
    this.#scheduler.at(when < this.#scheduler.now ? this.#scheduler.now : when, () => {
      if (life === this.#life) then();
    });
  }

  die(): void {
    this.#alive = false;
    this.#life += 1;
    this.#queue = [];
    this.#head = 0;
    this.#stopped = false;
    for (const thread of this.#pool) thread.die();
    this.#pool = [];
  }

  /** Another process in its place. */
  restart(): void {
    this.#alive = true;
  }

  /** One piece of work, by whoever gave it a processor; answers until when it keeps it. */
  work(): Instant {
    const next = this.#queue[this.#head];
    if (next === undefined || this.#stopped) return this.#scheduler.now;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#chargedUs = 0;
    next();
    const until = this.now();
    this.#chargedUs = 0;
    return until;
  }

  /** The processor is free again: the process goes to the end of the line while it has work. */
  pausedBetween(): void {
    if (this.#head < this.#queue.length && !this.#stopped) return this.#cores.request(this);
    this.#busy = false;
    if (this.#head < this.#queue.length) return;
    this.#queue = [];
    this.#head = 0;
  }
}
