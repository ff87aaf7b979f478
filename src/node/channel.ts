// One gRPC channel to one node, with its states told as events and its streams opened only when it is ready. grpc-js would
// queue a call for as long as a connection is being tried; Fabric's sends fail instead, so callers look at `state` first.
import { Client, connectivityState as State, credentials, type ClientDuplexStream, type Metadata } from "@grpc/grpc-js";
import { after, type Duration, type Instant } from "../base/index.js";
import type { StreamEvent, TransportSettings } from "../boundary/index.js";
import { DeadlineTimer, now } from "../system/index.js";
import type { Emit } from "./events.js";
import { channelOptions, identity, methods, type Method } from "./rpc.js";

export type ChannelState = "idle" | "connecting" | "ready" | "transient-failure" | "shutdown";
export type OutboundStream = ClientDuplexStream<Buffer, Buffer>;

export interface ChannelTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export class Channel implements Disposable {
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

  /**
   * The state in which a connection attempt ended, or "connecting" when it has not within `timeout`. An idle channel
   * begins one.
   */
  async settled(timeout: Duration): Promise<ChannelState> {
    const deadline = after(now(), timeout);
    // An attempt can succeed and its connection fall before we look: the channel is idle again, and begins another.
    for (this.connect(); this.#state === "connecting" || this.#state === "idle"; this.connect()) {
      if (now() >= deadline) return "connecting";
      await this.#changed(deadline);
    }
    return this.#state;
  }

  /** Opens a stream; only meaningful in state "ready". The caller listens for its `error` and `end`. */
  open(method: Method, metadata: Metadata): OutboundStream {
    return this.#client.makeBidiStreamRequest(methods[method], identity, identity, metadata, {});
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

const names: Readonly<Record<State, ChannelState>> = {
  [State.IDLE]: "idle",
  [State.CONNECTING]: "connecting",
  [State.READY]: "ready",
  [State.TRANSIENT_FAILURE]: "transient-failure",
  [State.SHUTDOWN]: "shutdown",
};
