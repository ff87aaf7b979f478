// Real time for this thread, for the few milliseconds in which a fault is due: a processor at once, and as long as it takes. A priority
// alone (agent/main.ts) is a share: the kernel's fair scheduler lets any process that wakes up run for a tick, 4 ms, on the
// processor of one that has just used its share, as who waits by looking at the clock has. Only privileged users may
// (sched(7)), and a container whose control group has time for it: others run as they are.
import koffi from "koffi";

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
