// Real time for this thread, for the few milliseconds in which a fault is due: a processor at once, and as long as it takes. A priority
// alone (agent/main.ts) is a share: the kernel's fair scheduler lets any process that wakes up run for a tick, 4 ms, on the
// processor of one that has just used its share, as who waits by looking at the clock has. Only privileged users may
// (sched(7)), and a container whose control group has time for it: others run as they are.
import koffi from "koffi";

const setScheduler = koffi.load(null).func("int sched_setscheduler(int thread, int policy, const int32_t *parameters)");

/** linux/sched.h; what is started meanwhile does not inherit it. */
const [ordinary, fifo, resetOnFork] = [0, 1, 0x4000_0000];
/** The thread that asks. */
const own = 0;

let state: "ordinary" | "real-time" | "refused" = "ordinary";

export function takeRealTime(): void {
  if (state !== "ordinary") return;
  state = setScheduler(own, fifo | resetOnFork, Int32Array.of(1)) === 0 ? "real-time" : "refused";
}

/** The priority of before counts again. */
export function giveRealTimeBack(): void {
  if (state !== "real-time") return;
  setScheduler(own, ordinary, Int32Array.of(0)); // who had it may give it back
  state = "ordinary";
}
