// Requests to the kernel's rtnetlink (rtnetlink(7)) by this thread itself: a socket, the messages, their acknowledgements, all within
// one turn of the event loop. A message takes 10 to 30 µs, where a process for each namespace takes 5 ms. Of rtnetlink it
// speaks what lines of a plan and faults ask for (netlink-lines.ts); numbers are those of linux/rtnetlink.h and its neighbours.
import koffi from "koffi";
import { OperatingError } from "../../system/index.js";
import { insideNamespace } from "./inside-namespace.js";

const libc = koffi.load(null);
const socket = libc.func("int socket(int domain, int type, int protocol)");
const send = libc.func("intptr_t send(int fd, const uint8_t *bytes, size_t size, int flags)");
const receive = libc.func("intptr_t recv(int fd, _Out_ uint8_t *bytes, size_t size, int flags)");
const close = libc.func("int close(int fd)");
const ioctl = libc.func("int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)");
const nameToIndex = libc.func("uint32_t if_nametoindex(const char *name)");
const textOfError = libc.func("const char *strerror(int number)");

const afNetlink = 16;
const sockRawCloseOnExec = 3 | 0o2000000;
const netlinkRoute = 0;
const headerSize = 16;
const typeError = 2;
const interrupted = 4; // EINTR
const flags = { request: 1, ack: 4 } as const;

export interface NetlinkMessage {
  /** RTM_… */
  readonly type: number;
  /** NLM_F_… beside request and ack. */
  readonly flags: number;
  /** The fixed part that the type has, then attributes. */
  readonly body: Buffer;
}

/** One attribute, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(Math.ceil((4 + value.length) / 4) * 4);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

/** Index of an interface in the namespace that this thread is in (`askKernel` takes care); 0 when there is none. */
export const indexOf = (name: string): number => Number(nameToIndex(name));

/** A question to the kernel of one namespace. What it answers is the reason of a refusal, "" for none, or what was read. */
export interface Kernel {
  readonly ask: (message: NetlinkMessage) => string;
  /** What `read` makes of the kernel's message of the wanted type; or why there is none. */
  readonly read: <T>(message: NetlinkMessage, wanted: Wanted<T>) => { readonly value: T } | { readonly why: string };
  /** A request of netdevice(7), which any socket takes; the answer is written into `argument`. Answers why not, "" where it was done. */
  readonly control: (request: number, argument: Buffer) => string;
}

interface Wanted<T> {
  readonly type: number;
  readonly read: (body: Buffer) => T;
}

/** One that stays open. A socket is of the namespace in which it was made, wherever this thread is, and keeps that namespace alive. */
export interface OpenKernel extends Kernel, Disposable {}

/** Opens a way to the kernel of a namespace ("" is our own), which takes a visit there, 0.1 ms. Caller disposes of it. */
export const openKernel = (namespace: string): OpenKernel => insideNamespace(namespace, openHere);

function openHere(): OpenKernel {
  const descriptor = Number(socket(afNetlink, sockRawCloseOnExec, netlinkRoute));
  if (descriptor < 0) throw new OperatingError(`Open a netlink socket: ${errorText(koffi.errno())}`);
  return {
    ask: (message) => refusalOf(exchange(descriptor, message)),
    read: (message, wanted) => readBy(descriptor, message, wanted),
    control: (request, argument) => (Number(ioctl(descriptor, request, argument)) < 0 ? errorText(koffi.errno()) : ""),
    [Symbol.dispose]: () => void close(descriptor),
  };
}

/**
 * Sends each message and waits for the kernel's word on it before the next. `messages` is called inside, so that it can look names
 * up. Answers the first that was refused: its place and why; undefined when all were done.
 */
export function askKernel(
  namespace: string,
  messages: () => readonly NetlinkMessage[],
): { readonly at: number; readonly why: string } | undefined {
  return insideNamespace(namespace, () => {
    using kernel = openHere();
    for (const [at, message] of messages().entries()) {
      const why = kernel.ask(message);
      if (why !== "") return { at, why };
    }
    return undefined;
  });
}

function readBy<T>(
  descriptor: number,
  message: NetlinkMessage,
  { type, read }: Wanted<T>,
): { readonly value: T } | { readonly why: string } {
  const found: T[] = [];
  const error = exchange(descriptor, message, (told, body) => {
    if (told === type) found.push(read(body));
  });
  const [value] = found;
  if (error !== 0) return { why: errorText(error) };
  return value === undefined ? { why: "nothing" } : { value };
}

const answer = Buffer.alloc(32_768);
/** Number of the last message, which the kernel puts into its answers (nlmsg_seq). */
let sequence = 0;

/**
 * Error number of the kernel's acknowledgement; 0 is success. Nobody else writes to this socket: what comes is the answer, or the rest of
 * one that was given up. One that is more than an acknowledgement is handed to `told`: its type and its body, which is good until
 * the next message.
 */
function exchange(
  descriptor: number,
  message: NetlinkMessage,
  told: (type: number, body: Buffer) => void = () => undefined,
): number {
  const bytes = Buffer.alloc(headerSize + message.body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(message.type, 4);
  bytes.writeUInt16LE(message.flags | flags.request | flags.ack, 6);
  sequence = (sequence + 1) >>> 0;
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(message.body, headerSize);
  if (Number(send(descriptor, bytes, bytes.length, 0)) !== bytes.length) return koffi.errno();
  for (;;) {
    const size = Number(receive(descriptor, answer, answer.length, 0));
    if (size < 0 && koffi.errno() === interrupted) continue;
    if (size < 0) return koffi.errno();
    if (answer.readUInt32LE(8) !== sequence) continue;
    const type = answer.readUInt16LE(4);
    if (type === typeError) return -answer.readInt32LE(headerSize);
    told(type, answer.subarray(headerSize, size));
  }
}

const refusalOf = (error: number): string => (error === 0 ? "" : errorText(error));
const errorText = (number: number): string => `${String(textOfError(number))} (error ${number})`;
