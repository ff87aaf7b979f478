// Watches every TCP socket of this process, whoever made it: sets and reads back TCP_USER_TIMEOUT, ends connection
// attempts that take too long (grpc-js has no limit of its own; grpc-go's is 20 s), and tells the life of each as events.
//
// grpc-js hides its sockets; node's diagnostics channels show them. The option is set by a system call on the descriptor,
// because Node offers none for it (dependencies.md; design 6.14).
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import koffi from "koffi";
import { after, toMilliseconds } from "../base/index.js";
import type { SocketEvent, TransportSettings } from "../boundary/index.js";
import { DeadlineTimer, now } from "../system/index.js";
import type { Emit } from "./events.js";

const ipprotoTcp = 6;
const tcpInfo = 11;
const tcpUserTimeout = 18;
/** States that only a FIN from the other side leads to: TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSING (include/net/tcp_states.h). */
const finStates: ReadonlySet<number> = new Set([6, 8, 9, 11]);
const intSize = 4;

const libc = koffi.load(null);
const setsockopt = libc.func("int setsockopt(int fd, int level, int name, const int *value, uint32_t size)");
const getsockopt = libc.func("int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *size)");

/** Watches until disposed; sockets made before are not seen. */
export function watchSockets(settings: TransportSettings, emit: Emit): Disposable {
  const onClient = (message: unknown): void => {
    const socket = socketOf(message);
    if (socket !== undefined) watchOutgoing(socket, settings, emit);
  };
  const onServer = (message: unknown): void => {
    const socket = socketOf(message);
    if (socket?.remoteAddress !== undefined) watch(socket, settings, emit);
  };
  subscribe("net.client.socket", onClient);
  subscribe("net.server.socket", onServer);
  return {
    [Symbol.dispose]: () => {
      unsubscribe("net.client.socket", onClient);
      unsubscribe("net.server.socket", onServer);
    },
  };
}

function socketOf(message: unknown): Socket | undefined {
  if (typeof message !== "object" || message === null || !("socket" in message)) return undefined;
  return message.socket instanceof Socket ? message.socket : undefined;
}

function watchOutgoing(socket: Socket, settings: TransportSettings, emit: Emit): void {
  let remote = "";
  // Connected is not enough: a host that accepts and never speaks must not hold the channel in CONNECTING for ever.
  const timer = new DeadlineTimer(() => {
    if (socket.connecting || socket.bytesRead === 0) socket.destroy(new ConnectTimeoutError(settings));
  });
  if (settings.connectTimeout > 0) timer.set(after(now(), settings.connectTimeout));
  socket.once("connectionAttempt", (address: string, port: number) => {
    remote = `${address}:${port}`;
  });
  const failed = (error: Error): void =>
    emit({ kind: "socket", local: "", remote, state: "error", detail: codeOf(error) });
  socket.once("error", failed);
  socket.once("close", () => timer[Symbol.dispose]());
  socket.once("connect", () => {
    socket.off("error", failed);
    if (socket.remoteAddress !== undefined) watch(socket, settings, emit);
  });
}

/** From here on the socket is connected, so its addresses are known and its descriptor exists. */
function watch(socket: Socket, settings: TransportSettings, emit: Emit): void {
  const local = `${socket.localAddress}:${socket.localPort}`;
  const remote = `${socket.remoteAddress}:${socket.remotePort}`;
  const tell = (state: SocketEvent["state"], detail: string): void =>
    emit({ kind: "socket", local, remote, state, detail });
  let ending = "";
  tell("connected", `TCP_USER_TIMEOUT ${limitUnacknowledged(socket, settings)} ms`);
  // Reading ends as well when the kernel itself gives a connection up: that is no FIN, and "closed" will say the rest.
  socket.once("end", () => {
    if (hasReceivedFin(socket)) tell("fin", "");
  });
  socket.once("error", (error) => {
    ending = codeOf(error);
    tell("error", ending);
  });
  socket.once("close", () => tell("closed", ending));
}

/** Sets TCP_USER_TIMEOUT unless it is to be the kernel's own; answers what the kernel then says, in milliseconds. */
function limitUnacknowledged(socket: Socket, settings: TransportSettings): number | undefined {
  const descriptor = descriptorOf(socket);
  if (descriptor === undefined) return undefined;
  const wantedMs = toMilliseconds(settings.tcpUserTimeout);
  if (wantedMs > 0 && setsockopt(descriptor, ipprotoTcp, tcpUserTimeout, [wantedMs], intSize) !== 0) {
    throw new Error(`Set TCP_USER_TIMEOUT to ${wantedMs} ms on descriptor ${descriptor}: errno ${koffi.errno()}`);
  }
  const value = [0];
  const size = [intSize];
  if (getsockopt(descriptor, ipprotoTcp, tcpUserTimeout, value, size) !== 0) {
    throw new Error(`Read TCP_USER_TIMEOUT of descriptor ${descriptor}: errno ${koffi.errno()}`);
  }
  return value[0] ?? 0;
}

/** What the kernel says of the connection: the first byte of TCP_INFO is its state. */
function hasReceivedFin(socket: Socket): boolean {
  const descriptor = descriptorOf(socket);
  const value = [0];
  if (descriptor === undefined || getsockopt(descriptor, ipprotoTcp, tcpInfo, value, [intSize]) !== 0) return false;
  return finStates.has((value[0] ?? 0) & 0xff);
}

/** Undefined when the socket was closed meanwhile. */
function descriptorOf(socket: Socket): number | undefined {
  // Node keeps the descriptor in an undocumented field, and offers no other way to it.
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}

class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeoutError";
  readonly code = "ECONNECTTIMEOUT";

  constructor(settings: TransportSettings) {
    super(`Connect: no answer in ${toMilliseconds(settings.connectTimeout)} ms`);
  }
}

/** errno name, or the error's own where there is none. */
const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : error.name);
