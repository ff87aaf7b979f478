// One gRPC channel to one node, with its states told as events and its streams opened only when it is ready. grpc-js would
// queue a call for as long as a connection is being tried; Fabric's sends fail instead, so callers look at `state` first.
import { Client, connectivityState as State, credentials, Metadata, type ClientDuplexStream } from "@grpc/grpc-js";
import { after, type Duration, type Instant, type NodeId } from "../base/index.js";
import type { StreamEvent, TransportSettings } from "../boundary/index.js";
import type {
  ChannelState,
  ChannelTarget,
  Method,
  OutboundChannel,
  OutboundStream,
  StreamListener,
} from "../fabric/index.js";
import { DeadlineTimer, now } from "../system/index.js";
import type { Emit } from "./events.js";
import { channelOptions, identity, methods } from "./rpc.js";

export class Channel implements OutboundChannel {
  readonly target: ChannelTarget;
  readonly service: StreamEvent["service"];
  readonly #client: Client;
  readonly #emit: Emit;
  readonly #watchers = new Set<() => void>();
  #state: ChannelState = "idle";

  constructor(target: ChannelTarget, service: StreamEvent["service"], settings: TransportSettings, emit: Emit) {
    this.target = target;
    this.service = service;
    this.#emit = emit;
    // `ipv4:` takes the address as it is: the DNS resolver would add its own back-off between attempts.
    this.#client = new Client(
      `ipv4:${target.address}:${target.port}`,
      credentials.createInsecure(),
      channelOptions(settings),
    );
    this.#watch();
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Leaves idle; nothing in any other state. */
  connect(): void {
    this.#client.getChannel().getConnectivityState(true);
    this.#look();
  }

  settled(timeout: Duration, then: (state: ChannelState) => void): void {
    void this.#settled(timeout).then(then);
  }

  /** Never rejects. */
  async #settled(timeout: Duration): Promise<ChannelState> {
    const deadline = after(now(), timeout);
    // An attempt can succeed and its connection fall before we look: the channel is idle again, and begins another.
    for (this.connect(); this.#state === "connecting" || this.#state === "idle"; this.connect()) {
      if (now() >= deadline) return "connecting";
      await this.#changed(deadline);
    }
    return this.#state;
  }

  open(method: Method, listener: StreamListener, sender?: NodeId): OutboundStream {
    const metadata = new Metadata();
    if (sender !== undefined) metadata.set("sender", String(sender));
    const stream = this.#client.makeBidiStreamRequest(methods[method], identity, identity, metadata, {});
    stream.on("data", listener.data);
    stream.on("error", (error) => listener.failed(error.message));
    stream.on("end", listener.ended);
    return outboundOf(stream);
  }

  tell(state: StreamEvent["state"], detail: string): void {
    this.#emit({ kind: "stream", peer: this.target.name, service: this.service, state, detail });
  }

  [Symbol.dispose](): void {
    this.#client.close();
    this.#state = "shutdown";
    this.#notify();
  }

  #watch(): void {
    const channel = this.#client.getChannel();
    channel.watchConnectivityState(channel.getConnectivityState(false), Number.POSITIVE_INFINITY, (error) => {
      if (error !== undefined || this.#state === "shutdown") return;
      this.#look();
      if (channel.getConnectivityState(false) !== State.SHUTDOWN) this.#watch();
    });
  }

  #look(): void {
    const state = names[this.#client.getChannel().getConnectivityState(false)];
    if (state === this.#state || this.#state === "shutdown") return;
    this.#state = state;
    if (state !== "shutdown") this.tell(state, "");
    this.#notify();
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves at the next change of state, or at the deadline. */
  #changed(deadline: Instant): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer[Symbol.dispose]();
        this.#watchers.delete(done);
        resolve();
      };
      const timer = new DeadlineTimer(done);
      timer.set(deadline);
      this.#watchers.add(done);
    });
  }
}

const outboundOf = (stream: ClientDuplexStream<Buffer, Buffer>): OutboundStream => ({
  write: (bytes, taken) =>
    void stream.write(
      Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      taken,
    ),
  end: () => void stream.end(),
  cancel: () => stream.cancel(),
  pause: () => void stream.pause(),
  resume: () => void stream.resume(),
});

const names: Readonly<Record<State, ChannelState>> = {
  [State.IDLE]: "idle",
  [State.CONNECTING]: "connecting",
  [State.READY]: "ready",
  [State.TRANSIENT_FAILURE]: "transient-failure",
  [State.SHUTDOWN]: "shutdown",
};
