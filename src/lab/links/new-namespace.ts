// Makes a network namespace and its name under /run/netns, as ip-netns(8) does, by this thread itself: it makes one for itself, gives it a
// name by a mount, and comes back. A third of a millisecond is the kernel's; `ip` would be a process more, and each setting another visit.
import { closeSync, openSync, unlinkSync } from "node:fs";
import koffi from "koffi";
import { OperatingError } from "../../system/index.js";
import { comeBack, newNetwork, remember } from "./inside-namespace.js";
import { askKernel, attribute } from "./netlink.js";

const libc = koffi.load(null);
const unshare = libc.func("int unshare(int flags)");
const mount = libc.func(
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)",
);

const bind = 0x1000; // MS_BIND
const newNamespaceId = 88; // RTM_NEWNSID
/** NETNSA_NSID, NETNSA_FD (linux/net_namespace.h). */
const [numberAttribute, descriptorAttribute] = [1, 3];

const pathOf = (name: string): string => `/run/netns/${name}`;

/** `settle` is called inside it, before it has a name; nothing is left of it when that throws. It must not be asynchronous. */
export function newNamespace(name: string, settle: () => void): void {
  const path = pathOf(name);
  remember();
  closeSync(openSync(path, "wx", 0));
  try {
    if (unshare(newNetwork) !== 0) throw failed(name, "unshare");
    settle();
    if (mount("/proc/thread-self/ns/net", path, "none", bind, null) !== 0) throw failed(name, "mount");
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    comeBack();
  }
}

/** Gives a namespace the number by which this one's listeners know it. Why the kernel refused; empty when it did as asked. */
export function giveNumber(name: string, number: number): string {
  const there = openSync(pathOf(name), "r");
  try {
    const body = Buffer.concat([
      Buffer.alloc(4), // struct rtgenmsg, padded
      attribute(numberAttribute, int32(number)),
      attribute(descriptorAttribute, int32(there)),
    ]);
    return askKernel("", () => [{ type: newNamespaceId, flags: 0, body }])?.why ?? "";
  } finally {
    closeSync(there);
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

const failed = (name: string, call: string): OperatingError =>
  new OperatingError(`Make the network namespace of ${name}: ${call} failed with error ${koffi.errno()}`);
