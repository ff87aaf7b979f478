// The simulated side of `OutboundChannel`: connectivity states, back-off and streams as grpc-js 1.14 has them (subchannel.js,
// backoff-timeout.js, load-balancer-pick-first.js), one connection a channel, as node/rpc.ts configures it.
import { after, instant, type Duration, type Instant, type NodeId } from "../../base/index.js";
import type { StreamEvent, TransportSettings } from "../../boundary/index.js";
import type {
  ChannelState,
  ChannelTarget,
  Method,
  OutboundChannel,
  OutboundStream,
  StreamListener,
} from "../../fabric/index.js";
import type { Timer } from "./process.js";
import { Session, type Frame } from "./session.js";
import type { Site } from "./site.js";

const backoffMultiplier = 1.6;
const backoffJitter = 0.2;

interface OpenStream {
  readonly listener: StreamListener;
  paused: boolean;
  held: Frame[];
}

interface Watcher {
  readonly tell: (state: ChannelState) => void;
  readonly timer: Timer;
}

export interface ChannelOptions {
  readonly site: Site;
  readonly target: ChannelTarget;
  readonly service: StreamEvent["service"];
  readonly settings: TransportSettings;
}

export class Channel implements OutboundChannel {
  readonly #options: ChannelOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #streams = new Map<number, OpenStream>();
  readonly #retry: Timer;
  readonly #attemptLimit: Timer;
  #state: ChannelState = "idle";
  #session: Session | undefined;
  #giveUp: () => void = () => undefined;
  #nextStream = 1;
  #nextDelayUs: number;
  #backoffUntil: Instant = instant(0);

  constructor(options: ChannelOptions) {
    this.#options = options;
    const { process } = options.site;
    this.#nextDelayUs = options.settings.reconnectBackoffBase;
    this.#retry = process.timer(() => this.#attempt());
    this.#attemptLimit = process.timer(() => this.#attemptOver());
  }

  get state(): ChannelState {
    return this.#state;
  }

  settled(timeout: Duration, then: (state: ChannelState) => void): void {
    if (this.#state === "idle") this.#attempt();
    if (this.#state !== "connecting" && this.#state !== "idle") return then(this.#state);
    const { process } = this.#options.site;
    const timer = process.timer(() => {
      if (this.#watchers.delete(watcher)) then("connecting");
    });
    const watcher: Watcher = { tell: then, timer };
    this.#watchers.add(watcher);
    timer.set(after(process.now(), timeout));
  }

  open(method: Method, listener: StreamListener, sender?: NodeId): OutboundStream {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const open: OpenStream = { listener, paused: false, held: [] };
    this.#streams.set(stream, open);
    const send = (frame: Frame, sizeBytes: number, taken?: () => void): void =>
      this.#session?.send(frame, sizeBytes, taken);
    send({ kind: "headers", stream, method, sender }, 100);
    return {
      write: (bytes, taken) => send({ kind: "data", stream, bytes }, bytes.length, taken),
      end: () => send({ kind: "end", stream }, 0),
      cancel: () => {
        if (this.#streams.delete(stream)) send({ kind: "reset", stream }, 0);
      },
      pause: () => (open.paused = true),
      resume: () => {
        open.paused = false;
        for (const frame of open.held.splice(0)) this.#streamFrame(frame);
      },
    };
  }

  tell(state: StreamEvent["state"], detail: string): void {
    const { site, target, service } = this.#options;
    site.emit({ kind: "stream", peer: target.name, service, state, detail });
  }

  [Symbol.dispose](): void {
    if (this.#state === "shutdown") return;
    this.#state = "shutdown";
    this.#giveUp();
    this.#streams.clear();
    this.#session?.close();
    this.#retry.set(undefined);
    this.#attemptLimit.set(undefined);
    this.#notify();
  }

  /** The process died. */
  abandon(): void {
    this.#giveUp();
    this.#session?.abandon();
  }

  #attempt(): void {
    if (this.#state === "shutdown") return;
    const { site, target, settings } = this.#options;
    const now = site.process.now();
    const spread = 1 + backoffJitter * (2 * site.random.fraction() - 1);
    this.#backoffUntil = instant(now + this.#nextDelayUs * spread);
    this.#nextDelayUs = Math.min(settings.reconnectBackoffMax, this.#nextDelayUs * backoffMultiplier);
    // Once it has failed, a channel stays so until it is ready again, however often it tries (gRFC A62).
    if (this.#state === "idle") this.#enter("connecting");
    const attempt = {
      from: { node: site.name, address: site.address },
      to: { node: target.name, address: target.address, port: target.port },
      settings,
      connected: (end: ConstructorParameters<typeof Session>[1]) =>
        site.process.run(() => {
          const handlers = { frame: this.#frame, ready: () => this.#ready(), over: () => this.#lost() };
          this.#session = new Session(site, end, settings, handlers);
        }),
      failed: (code: string) => site.process.run(() => this.#failed(code)),
    };
    const cancel = site.transport.connect(attempt, now);
    this.#giveUp = cancel;
    if (settings.connectTimeout > 0) this.#attemptLimit.set(after(now, settings.connectTimeout));
  }

  /** node/sockets.ts: an attempt that has not heard a word by then is ended. */
  #attemptOver(): void {
    if (this.#state === "ready" || this.#state === "shutdown") return;
    this.#giveUp();
    const session = this.#session;
    this.#session = undefined;
    session?.close();
    this.#failed("ECONNECTTIMEOUT");
  }

  #failed(code: string): void {
    if (this.#state === "shutdown") return;
    const { site, target } = this.#options;
    this.#attemptLimit.set(undefined);
    if (code !== "") {
      const remote = `${target.address}:${target.port}`;
      site.emit({ kind: "socket", local: "", remote, state: "error", detail: code });
    }
    this.#retry.set(this.#backoffUntil);
    this.#enter("transient-failure");
  }

  #ready(): void {
    if (this.#state === "shutdown") return;
    this.#attemptLimit.set(undefined);
    this.#nextDelayUs = this.#options.settings.reconnectBackoffBase;
    this.#enter("ready");
  }

  #lost(): void {
    this.#session = undefined;
    if (this.#state === "shutdown") return;
    if (this.#state !== "ready") return this.#failed("");
    this.#state = "idle";
    this.tell("idle", "");
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { listener } of streams) listener.failed("14 UNAVAILABLE: Connection dropped");
    this.#notify();
  }

  #enter(state: ChannelState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.tell(state as StreamEvent["state"], ""); // "shutdown" is never entered this way
    this.#notify();
  }

  #notify(): void {
    // An attempt can succeed and its connection fall before anybody looked: whoever waits begins another.
    if (this.#state === "idle" && this.#watchers.size > 0) this.#attempt();
    if (this.#state === "idle" || this.#state === "connecting") return;
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const { tell, timer } of watchers) {
      timer.set(undefined);
      tell(this.#state);
    }
  }

  readonly #frame = (frame: Extract<Frame, { readonly stream: number }>): void => {
    const stream = this.#streams.get(frame.stream);
    if (stream?.paused === true) stream.held.push(frame);
    else this.#streamFrame(frame);
  };

  #streamFrame(frame: Frame): void {
    if (!("stream" in frame)) return;
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return;
    if (frame.kind === "data") return stream.listener.data(frame.bytes);
    this.#streams.delete(frame.stream);
    if (frame.kind === "trailers") stream.listener.ended();
    else stream.listener.failed("1 CANCELLED: cancelled by the server");
  }
}
