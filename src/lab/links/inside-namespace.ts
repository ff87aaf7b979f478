// Does something in another network namespace without a process of its own: this thread enters it, acts, and comes back, all in one
// turn of the event loop (setns(2), 5 µs; a spawned nsenter costs 5 ms). What is opened meanwhile, a socket or a file of
// /proc/sys/net, stays of that namespace; what is spawned lives in it.
import { openSync, closeSync } from "node:fs";
import koffi from "koffi";
import { OperatingError } from "../../system/index.js";

/** CLONE_NEWNET. */
export const newNetwork = 0x4000_0000;

const setns = koffi.load(null).func("int setns(int fd, int kind)");

/** Of this thread itself: where it comes back to. */
let own: number | undefined;

/** `namespace` is a name under /run/netns, or "" for our own. `act` must not be asynchronous: all of the agent is there with it. */
export function insideNamespace<T>(namespace: string, act: () => T): T {
  if (namespace === "") return act();
  remember();
  const there = openSync(`/run/netns/${namespace}`, "r");
  try {
    enter(there, namespace);
    return act();
  } finally {
    comeBack();
    closeSync(there);
  }
}

/** To be called in the switchboard, before this thread leaves it. */
export function remember(): number {
  own ??= openSync("/proc/thread-self/ns/net", "r");
  return own;
}

/** To the switchboard, from wherever this thread is. */
export const comeBack = (): void => enter(remember(), "the switchboard");

function enter(descriptor: number, name: string): void {
  if (setns(descriptor, newNetwork) === 0) return;
  throw new OperatingError(`Enter the network namespace of ${name}: setns failed with error ${koffi.errno()}`);
}
