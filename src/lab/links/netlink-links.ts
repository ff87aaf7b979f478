// One link device: set up or down by rtnetlink, and its state as the kernel has it.
import { attribute, type Kernel } from "./netlink.js";

type Admin = "up" | "down";

export interface LinkState {
  readonly admin: Admin;
  /** The kernel would hand frames to it: the peer's end is up too. */
  readonly carrier: boolean;
}

const newLink = 16;
const getLink = 18;
const nameOfLink = 3; // IFLA_IFNAME
/** IFF_UP, IFF_RUNNING, IFF_LOWER_UP (netdevice(7)). */
const [isUp, isRunning, isLowerUp] = [0x1, 0x40, 0x1_0000];

/** For a reply without counters, which the kernel adds up over all processors: IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS. */
const withoutCounters = attribute(29, Buffer.from([8, 0, 0, 0]));

/** struct ifinfomsg and IFLA_IFNAME: for setting, the flags and which of them change. */
export function linkRequest(name: string, admin?: Admin): Buffer {
  const fixed = Buffer.alloc(16);
  if (admin !== undefined) {
    fixed.writeUInt32LE(admin === "up" ? isUp : 0, 8);
    fixed.writeUInt32LE(isUp, 12);
  }
  return Buffer.concat([fixed, attribute(nameOfLink, Buffer.from(`${name}\0`))]);
}

/** Sets it in the kernel's namespace; answers why the kernel refused, "" where it did not. */
export const setLink = (kernel: Kernel, name: string, admin: Admin): string =>
  kernel.ask({ type: newLink, flags: 0, body: linkRequest(name, admin) });

/** struct ifreq: a name, then what is asked, here the lower 16 flags. */
const [ifreqSize, ifreqFlags, nameSize] = [40, 16, 16];
/** SIOCGIFFLAGS (netdevice(7)). */
const getFlags = 0x8913;

/**
 * Whether it is set up, alone. Unlike `linkState` this does not wait for the kernel's lock of all links, for which every routing
 * daemon that is told of a change queues up at once, for 0.1 to 0.2 ms (docs/performance.md, Faults).
 */
export function adminState(kernel: Kernel, name: string): Pick<LinkState, "admin"> | string {
  const request = Buffer.alloc(ifreqSize);
  request.write(name, 0, nameSize - 1, "latin1");
  const refused = kernel.control(getFlags, request);
  return refused === "" ? { admin: adminFrom(request.readUInt16LE(ifreqFlags)) } : refused;
}

/** The state, or why there is none. */
export function linkState(kernel: Kernel, name: string): LinkState | string {
  const question = { type: getLink, flags: 0, body: Buffer.concat([linkRequest(name), withoutCounters]) };
  const answer = kernel.read(question, { type: newLink, read: (body) => stateFrom(body.readUInt32LE(8)) });
  return "why" in answer ? answer.why : answer.value;
}

/** LOWER_UP without RUNNING is the moment in which the kernel has not yet drawn the conclusion. */
const stateFrom = (flags: number): LinkState => ({
  admin: adminFrom(flags),
  carrier: (flags & isLowerUp) !== 0 && ((flags & isUp) === 0 || (flags & isRunning) !== 0),
});

const adminFrom = (flags: number): Admin => ((flags & isUp) === 0 ? "down" : "up");
