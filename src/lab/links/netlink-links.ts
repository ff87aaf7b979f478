// One link device by rtnetlink: set up or down, and its state as the kernel has it.
import { askKernel, attribute, readKernel, type NetlinkMessage } from "./netlink.js";

export interface LinkState {
  readonly admin: "up" | "down";
  /** The kernel would hand frames to it: the peer's end is up too. */
  readonly carrier: boolean;
}

interface Device {
  readonly namespace: string;
  readonly name: string;
}

const newLink = 16;
const getLink = 18;
const nameOfLink = 3; // IFLA_IFNAME
/** IFF_UP, IFF_RUNNING, IFF_LOWER_UP (netdevice(7)). */
const [isUp, isRunning, isLowerUp] = [0x1, 0x40, 0x1_0000];

/** struct ifinfomsg and IFLA_IFNAME: for setting, the flags and which of them change. */
export function linkRequest(name: string, admin?: "up" | "down"): Buffer {
  const fixed = Buffer.alloc(16);
  if (admin !== undefined) {
    fixed.writeUInt32LE(admin === "up" ? isUp : 0, 8);
    fixed.writeUInt32LE(isUp, 12);
  }
  return Buffer.concat([fixed, attribute(nameOfLink, Buffer.from(`${name}\0`))]);
}

/** Why the kernel refused; empty when it did as asked. */
export function setLink({ namespace, name }: Device, admin: "up" | "down"): string {
  const message = (): NetlinkMessage => ({ type: newLink, flags: 0, body: linkRequest(name, admin) });
  return askKernel(namespace, () => [message()])?.why ?? "";
}

/** The state, or why there is none. */
export function linkState({ namespace, name }: Device): LinkState | string {
  const message = (): NetlinkMessage => ({ type: getLink, flags: 0, body: linkRequest(name) });
  const answer = readKernel(namespace, message, { type: newLink, read: (body) => stateFrom(body.readUInt32LE(8)) });
  return "why" in answer ? answer.why : answer.value;
}

/** LOWER_UP without RUNNING is the moment in which the kernel has not yet drawn the conclusion. */
const stateFrom = (flags: number): LinkState => ({
  admin: (flags & isUp) === 0 ? "down" : "up",
  carrier: (flags & isLowerUp) !== 0 && ((flags & isUp) === 0 || (flags & isRunning) !== 0),
});
