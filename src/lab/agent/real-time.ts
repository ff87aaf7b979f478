// Real time for this thread, for the few milliseconds around a fault: a processor at once, and as long as it takes. A priority
// alone (agent/main.ts) is a share: the kernel's fair scheduler lets any process that wakes up run for a tick, 4 ms, on the
// processor of one that has just used its share, as who waits by looking at the clock has. Only privileged users may
// (sched(7)), and a container whose control group has time for it: others run as they are.
import koffi from "koffi";
import { after, between, type Instant, microseconds } from "../../base/index.js";
import { DeadlineTimer, now } from "../../system/index.js";

const libc = koffi.load(null);
const setScheduler = libc.func("int sched_setscheduler(int thread, int policy, const int32_t *parameters)");
const getScheduler = libc.func("int sched_getscheduler(int thread)");
const getParameters = libc.func("int sched_getparam(int thread, _Out_ int32_t *parameters)");

/** linux/sched.h; what is started meanwhile does not inherit it. */
const [fifo, resetOnFork] = [1, 0x4000_0000];
/** The thread that asks. */
const own = 0;

interface Scheduling {
  readonly policy: number;
  readonly parameters: Int32Array;
}

let state: Scheduling | "ordinary" | "refused" = "ordinary";

/** Before all who have what this thread has: a lab may be in real time altogether, as under `chrt --rr 1`. */
export function takeRealTime(): void {
  if (state !== "ordinary") return;
  const before = { policy: Number(getScheduler(own)), parameters: new Int32Array(1) };
  getParameters(own, before.parameters);
  const priority = Int32Array.of((before.parameters[0] ?? 0) + 1);
  state = setScheduler(own, fifo | resetOnFork, priority) === 0 ? before : "refused";
}

/** The priority of before counts again. */
export function giveRealTimeBack(): void {
  if (typeof state === "string") return;
  setScheduler(own, state.policy, state.parameters); // who had it may give it back
  state = "ordinary";
}

/** So long before something is due this thread gets a processor before all others: it sleeps once more until then. */
const aheadUs = 10_000;
/** And so long afterwards it keeps it: what was ordered is yet to be read back. */
const lingerUs = 5_000;

/** Real time around each of the instants at which something is due. */
export class RealTimeWindow {
  readonly #opening = new DeadlineTimer(() => this.#open());
  readonly #closing = new DeadlineTimer(() => giveRealTimeBack());
  #closesAt: Instant | undefined;

  /** To be told each time, when that was done or has changed; undefined is nothing more. */
  next(deadline: Instant | undefined): void {
    const left = deadline === undefined ? Infinity : between(now(), deadline);
    const isNear = left <= aheadUs;
    this.#opening.set(deadline === undefined || isNear ? undefined : after(deadline, microseconds(-aheadUs)));
    if (isNear) this.#open();
    else if (typeof state !== "string") this.#closing.set((this.#closesAt ??= after(now(), microseconds(lingerUs))));
  }

  #open(): void {
    this.#closesAt = undefined;
    this.#closing.set(undefined);
    takeRealTime();
  }
}
