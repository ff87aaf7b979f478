// A node's process: one thread that takes its work in order, on processors that it may have to share. Work is done in one
// go at the instant at which it begins; what it charges moves the process's own clock, at which its effects leave, and keeps
// the processor busy until then.
import { instant, type Instant } from "../../base/index.js";
import type { Scheduler } from "../scheduler.js";

/** The processors of the machine; processes that find none free wait in line. */
export class Cores {
  readonly #scheduler: Scheduler;
  readonly #sliceUs: number;
  #free: number;
  readonly #line: Process[] = [];
  #giving = false;

  /** `count` 0: as many as there are processes. Who has work left after `sliceUs` on a processor goes to the end of the line. */
  constructor(scheduler: Scheduler, { count, sliceUs }: { readonly count: number; readonly sliceUs: number }) {
    this.#scheduler = scheduler;
    this.#sliceUs = sliceUs;
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
      if (until <= this.#scheduler.now) process.pausedBetween();
      else this.#keep(process, { until, endsAt: instant(this.#scheduler.now + this.#sliceUs) });
    }
    this.#giving = false;
  }

  /** The process has a processor until then, and for what follows while its slice lasts. */
  #keep(process: Process, { until, endsAt }: { readonly until: Instant; readonly endsAt: Instant }): void {
    this.#free -= 1;
    this.#scheduler.at(until, () => {
      this.#free += 1;
      while (process.hasWork && this.#scheduler.now < endsAt) {
        const next = process.work();
        if (next > this.#scheduler.now) return this.#keep(process, { until: next, endsAt });
      }
      process.pausedBetween();
      this.#give();
    });
  }
}

/** Work for a thread of the pool: time on a processor, then maybe time in which the thread waits for a device. */
export interface PoolJob {
  readonly us: number;
  readonly deviceUs?: number;
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
  /** Nothing was to do before the work that comes next. */
  #waking = false;
  /** What the work in progress has charged so far. */
  #chargedUs = 0;
  /** What is left to do when the work in progress ends. */
  #turnEnds: (() => void)[] = [];
  #working = false;
  #life = 1;
  #stopped = false;
  #alive = true;
  /** Once it was used. */
  #pool: ThreadPool | undefined;
  /** Likewise. */
  #besides: readonly Process[] | undefined;

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

  /** At the end of the turn of the event loop that is going on; at once when none is. */
  atTurnEnd(then: () => void): void {
    if (this.#working) this.#turnEnds.push(then);
    else then();
  }

  /** In order, as soon as there is a processor. Nothing once the process has died. */
  run(work: () => void): void {
    if (!this.#alive) return;
    this.#queue.push(work);
    if (!this.#busy && !this.#stopped) this.#wake();
  }

  /**
   * Work for the thread pool, behind all that waits there already. `done` is called when the last job is; not as work, for what
   * a disk does; `then` is work of this process after that.
   */
  aside(jobs: readonly PoolJob[], then: () => void, done: () => void = () => undefined): void {
    this.#pool ??= new ThreadPool(() => new Process(this.#scheduler, this.#cores, 0));
    let waiting = jobs.length;
    this.#pool.take(this.now(), jobs, () => {
      waiting -= 1;
      if (waiting > 0) return;
      done();
      this.run(then);
    });
  }

  /** Work for V8's own threads, which collect garbage and compile: shared out among them, and nobody waits for it. */
  beside(us: number): void {
    if (us === 0) return;
    this.#besides ??= Array.from({ length: v8ThreadCount }, () => new Process(this.#scheduler, this.#cores, 0));
    const shareUs = Math.ceil(us / v8ThreadCount);
    for (const thread of this.#besides) thread.at(this.now(), () => thread.run(() => thread.charge(shareUs)));
  }

  /** Stopped in its tracks: work and timers wait, the kernel's part of its connections goes on. */
  stop(): void {
    this.#stopped = true;
    this.#besides?.forEach((thread) => thread.stop());
    this.#pool?.stop();
  }

  resume(): void {
    this.#stopped = false;
    this.#besides?.forEach((thread) => thread.resume());
    this.#pool?.resume();
    if (!this.#busy && this.#head < this.#queue.length) this.#wake();
  }

  #wake(): void {
    this.#busy = true;
    this.#waking = true;
    this.#cores.request(this);
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
    this.#pool?.die();
    this.#pool = undefined;
    this.#besides?.forEach((thread) => thread.die());
    this.#besides = undefined;
  }

  /** Another process in its place. */
  restart(): void {
    this.#alive = true;
  }

  get hasWork(): boolean {
    return this.#head < this.#queue.length && !this.#stopped;
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
    this.#chargedUs = this.#waking ? this.#wakeUs : 0;
    this.#waking = false;
    this.#working = true;
    next();
    this.#working = false;
    for (const then of this.#turnEnds.splice(0)) then();
    const until = this.now();
    this.#chargedUs = 0;
    return until;
  }

  /** The processor is free again: the process goes to the end of the line while it has work. */
  pausedBetween(): void {
    if (this.hasWork) return this.#cores.request(this);
    this.#busy = false;
    if (this.#head < this.#queue.length) return;
    this.#queue = [];
    this.#head = 0;
  }
}

/** Node's --v8-pool-size. */
const v8ThreadCount = 4;
/** libuv's UV_THREADPOOL_SIZE. */
const poolThreadCount = 4;

/**
 * libuv's pool: its threads claim the same processors as everybody, and take jobs in order: the next one whenever a thread is
 * free. Checks of signatures and the file system share it, so a record that is to be written waits behind a block that is checked.
 */
class ThreadPool {
  readonly #threads: readonly Process[];
  readonly #idle: Process[];
  #jobs: { readonly job: PoolJob; readonly done: () => void }[] = [];

  constructor(newThread: () => Process) {
    this.#threads = Array.from({ length: poolThreadCount }, newThread);
    this.#idle = [...this.#threads];
  }

  /** From `at` on: the instant of the process that hands them over. `done` after each. */
  take(at: Instant, jobs: readonly PoolJob[], done: () => void): void {
    this.#threads[0]?.at(at, () => {
      this.#jobs.push(...jobs.map((job) => ({ job, done })));
      for (const thread of this.#idle.splice(0, jobs.length)) thread.run(() => this.#next(thread));
    });
  }

  stop(): void {
    for (const thread of this.#threads) thread.stop();
  }

  resume(): void {
    for (const thread of this.#threads) thread.resume();
  }

  die(): void {
    for (const thread of this.#threads) thread.die();
    this.#jobs = [];
  }

  #next(thread: Process): void {
    const next = this.#jobs.shift();
    if (next === undefined) return void this.#idle.push(thread);
    const { job, done } = next;
    thread.charge(job.us);
    const { deviceUs = 0 } = job;
    if (deviceUs === 0) {
      thread.at(thread.now(), done);
      return thread.run(() => this.#next(thread));
    }
    thread.at(instant(thread.now() + deviceUs), () => {
      done();
      thread.run(() => this.#next(thread));
    });
  }
}
