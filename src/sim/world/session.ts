// One HTTP/2 connection with gRPC's streams on it, at one of its ends: settings first, streams by number, pings that notice
// a dead path. Frames are handled as work of the node's process. What ends it, and what is said about it then, is as
// node/sockets.ts and grpc-js have it.
import { instant, type Instant } from "../../base/index.js";
import type { SocketEvent, TransportSettings } from "../../boundary/index.js";
import type { Method } from "../../fabric/index.js";
import type { Timer } from "./process.js";
import type { Site } from "./site.js";
import type { TcpEnd } from "./tcp.js";

export type Frame =
  | { readonly kind: "settings" | "ping" | "pong" }
  | { readonly kind: "headers"; readonly stream: number; readonly method: Method; readonly sender: number | undefined }
  | { readonly kind: "data"; readonly stream: number; readonly bytes: Uint8Array }
  /** `end`: no more from the client. `trailers`: gRPC's OK. `reset`: cancelled. */
  | { readonly kind: "end" | "trailers" | "reset"; readonly stream: number };

export interface SessionHandlers {
  /** A frame of a stream. */
  readonly frame: (frame: Extract<Frame, { readonly stream: number }>) => void;
  /** The other side's settings are here: requests may be made. */
  readonly ready: () => void;
  /** Told once; nothing follows. */
  readonly over: () => void;
}

/** node/rpc.ts, flowControlWindow. */
const windowBytes = 1024 * 1024;
const frameBytes = 40;
/** How often bytes that exceed the window are looked at again. */
const drainEveryUs = 5_000;

interface Unread {
  paused: boolean;
  readonly frames: { readonly frame: Frame; readonly sizeBytes: number }[];
}

export class Session {
  readonly #site: Site;
  readonly #end: TcpEnd<Frame>;
  readonly #settings: TransportSettings;
  readonly #handlers: SessionHandlers;
  readonly #keepalive: Timer;
  readonly #drain: Timer;
  #pinged = false;
  /** Of frames that leave at the end of the turn. */
  #leavingBytes = 0;
  #over = false;
  /** Of streams that are not read at the moment, or not to their end yet. */
  readonly #unread = new Map<number, Unread>();
  #heldBack: { readonly frame: Frame; readonly sizeBytes: number; readonly taken: () => void }[] = [];

  constructor(site: Site, end: TcpEnd<Frame>, settings: TransportSettings, handlers: SessionHandlers) {
    this.#site = site;
    this.#end = end;
    this.#settings = settings;
    this.#handlers = handlers;
    this.#keepalive = site.process.timer(() => this.#beat());
    this.#drain = site.process.timer(() => this.#release());
    this.#tell("connected", `TCP_USER_TIMEOUT ${settings.tcpUserTimeout / 1_000} ms`);
    const { process } = site;
    end.listen({
      received: (frame, sizeBytes) => {
        end.unreadBytes += sizeBytes;
        process.run(() => this.#read(frame, sizeBytes));
      },
      fin: () => process.run(() => this.#ended("fin")),
      failed: (code) => process.run(() => this.#ended(code)),
    });
    this.send({ kind: "settings" }, frameBytes);
    this.#rest();
  }

  /** `taken` is called when the transport has the bytes: at once, unless what is under way fills the window. */
  send(frame: Frame, sizeBytes: number, taken: () => void = () => undefined): void {
    if (this.#over) return;
    const { process, costs } = this.#site;
    if (frame.kind === "data") process.charge(costs.sendUs);
    const now = process.now();
    if (this.#heldBack.length > 0 || this.#inFlightBytes(now) + sizeBytes > windowBytes) {
      this.#heldBack.push({ frame, sizeBytes, taken });
      this.#drain.set(instant(now + drainEveryUs));
      return;
    }
    this.#leave(frame, sizeBytes);
    taken();
  }

  /** Node writes what an HTTP/2 session has to say when the turn of its event loop ends, however long that still is. */
  #leave(frame: Frame, sizeBytes: number): void {
    const { process } = this.#site;
    this.#leavingBytes += sizeBytes;
    process.atTurnEnd(() => {
      this.#leavingBytes -= sizeBytes;
      this.#end.send(frame, sizeBytes + frameBytes, process.now());
    });
  }

  /** Closes the connection from this side. */
  close(): void {
    if (this.#over) return;
    this.#site.process.atTurnEnd(() => this.#end.close(this.#site.process.now()));
    this.#finish("");
  }

  /** The process died: its kernel closes the connection, and nobody is left to be told. */
  abandon(): void {
    this.#over = true;
    this.#end.abandon();
  }

  /** Leaves what comes on a stream unread. */
  pause(stream: number): void {
    const unread = this.#unread.get(stream);
    if (unread === undefined) this.#unread.set(stream, { paused: true, frames: [] });
    else unread.paused = true;
  }

  resume(stream: number): void {
    const unread = this.#unread.get(stream);
    if (unread?.paused !== true) return;
    unread.paused = false;
    this.#site.process.run(() => this.#readOn(stream, unread));
  }

  /** One frame at a time, as work of its own: others get their turn in between. */
  #readOn(stream: number, unread: Unread): void {
    if (unread.paused) return;
    const next = unread.frames.shift();
    if (next === undefined) return void this.#unread.delete(stream);
    this.#take(next.frame, next.sizeBytes);
    this.#site.process.run(() => this.#readOn(stream, unread));
  }

  #read(frame: Frame, sizeBytes: number): void {
    const unread = "stream" in frame ? this.#unread.get(frame.stream) : undefined;
    if (unread === undefined) this.#take(frame, sizeBytes);
    else unread.frames.push({ frame, sizeBytes });
  }

  #take(frame: Frame, sizeBytes: number): void {
    this.#end.unreadBytes -= sizeBytes;
    this.#received(frame, sizeBytes);
  }

  #received(frame: Frame, sizeBytes: number): void {
    if (this.#over) return;
    const { process, costs } = this.#site;
    switch (frame.kind) {
      case "settings":
        return this.#handlers.ready();
      case "ping":
        return this.send({ kind: "pong" }, frameBytes);
      case "pong":
        this.#pinged = false;
        return this.#rest();
      case "data":
        process.charge(costs.receiveUs + (sizeBytes * costs.hashKibUs) / 1024);
        return this.#handlers.frame(frame);
      default:
        return this.#handlers.frame(frame);
    }
  }

  #inFlightBytes(now: Instant): number {
    return this.#end.inFlightBytes(now) + this.#leavingBytes;
  }

  #release(): void {
    const now = this.#site.process.now();
    let count = 0;
    for (const { frame, sizeBytes, taken } of this.#heldBack) {
      if (this.#over || this.#inFlightBytes(now) + sizeBytes > windowBytes) break;
      this.#leave(frame, sizeBytes);
      taken();
      count += 1;
    }
    this.#heldBack = this.#heldBack.slice(count);
    if (this.#heldBack.length > 0 && !this.#over) this.#drain.set(instant(now + drainEveryUs));
  }

  /** grpc-js: a ping after `keepaliveTime` of life or since the last answer, whatever else is said meanwhile. */
  #rest(): void {
    if (this.#settings.keepaliveTime > 0)
      this.#keepalive.set(instant(this.#site.process.now() + this.#settings.keepaliveTime));
  }

  #beat(): void {
    if (this.#over) return;
    if (this.#pinged) return this.close();
    this.#pinged = true;
    this.send({ kind: "ping" }, frameBytes);
    this.#keepalive.set(instant(this.#site.process.now() + this.#settings.keepaliveTimeout));
  }

  #ended(how: string): void {
    if (this.#over) return;
    if (how === "fin") {
      this.#tell("fin", "");
      this.#end.close(this.#site.process.now());
      return this.#finish("");
    }
    this.#tell("error", how);
    this.#finish(how);
  }

  #finish(detail: string): void {
    this.#over = true;
    this.#keepalive.set(undefined);
    this.#drain.set(undefined);
    this.#heldBack = [];
    this.#tell("closed", detail);
    this.#handlers.over();
  }

  #tell(state: SocketEvent["state"], detail: string): void {
    const { local, remote } = this.#end.options;
    this.#site.emit({ kind: "socket", local, remote, state, detail });
  }
}
