// Making a TCP connection: SYN, its repetitions, and who answers. Every service has one port, at its node's loopback.
import { instant, type Instant } from "../../base/index.js";
import type { TransportSettings } from "../../boundary/index.js";
import type { Scheduler } from "../scheduler.js";
import type { Network } from "./network.js";
import { TcpEnd } from "./tcp.js";

/** RFC 6298: the first repetition after a second, each further one after twice the wait (tcp(7), tcp_syn_retries). */
const synWaitUs = 1_000_000;
const synBytes = 74;

export interface Listener<F> {
  /** Whether the process is there to listen; a stopped one still is, its kernel answers for it. */
  readonly listens: () => boolean;
  readonly accept: (end: TcpEnd<F>) => void;
}

export interface Attempt<F> {
  readonly from: { readonly node: string; readonly address: string };
  readonly to: { readonly node: string; readonly address: string; readonly port: number };
  readonly settings: TransportSettings;
  readonly connected: (end: TcpEnd<F>) => void;
  /** errno's name. */
  readonly failed: (code: string) => void;
}

export class Connecting<F> {
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  readonly #listeners = new Map<string, Listener<F>>();
  #flows = 0;

  constructor(network: Network, scheduler: Scheduler) {
    this.#network = network;
    this.#scheduler = scheduler;
  }

  listen(node: string, listener: Listener<F>): void {
    this.#listeners.set(node, listener);
  }

  /** Answers what gives the attempt up: nothing is told of it afterwards. */
  connect(attempt: Attempt<F>, departure: Instant): () => void {
    const flow = this.#flows++;
    const pending: Pending<F> = { ...attempt, flow, live: true };
    this.#syn(pending, 0, departure);
    return () => (pending.live = false);
  }

  #syn(pending: Pending<F>, retries: number, at: Instant): void {
    const { from, to, flow, settings } = pending;
    const path = this.#network.path(from.node, to.node, flow);
    const fate = this.#network.send(path, at, synBytes);
    // connect() itself says so; a repetition that finds no route is silent and goes on.
    if (fate.kind === "no-route" && retries === 0) return this.#fail(pending, at, "ENETUNREACH");
    if (fate.kind === "unreachable") this.#fail(pending, fate.at, "ENETUNREACH");
    const arrival = fate.kind === "arrives" ? fate.at[0] : undefined;
    if (arrival !== undefined) {
      this.#scheduler.at(arrival, () => {
        if (pending.live && this.#network.survived(path, at, arrival)) this.#answer(pending, at);
      });
    }
    const next = instant(at + synWaitUs * 2 ** retries);
    this.#scheduler.at(next, () => {
      if (!pending.live) return;
      if (retries >= settings.tcpSynRetries) this.#fail(pending, next, "ETIMEDOUT");
      else this.#syn(pending, retries + 1, next);
    });
  }

  #answer(pending: Pending<F>, sentAt: Instant): void {
    const { from, to, flow } = pending;
    const { now } = this.#scheduler;
    const fate = this.#network.send(this.#network.path(to.node, from.node, flow), now, synBytes);
    const arrival = fate.kind === "arrives" ? fate.at[0] : undefined;
    if (arrival === undefined) return;
    const listener = this.#listeners.get(to.node);
    if (listener?.listens() !== true) return this.#fail(pending, arrival, "ECONNREFUSED");
    this.#scheduler.at(arrival, () => {
      if (!pending.live) return;
      pending.live = false;
      this.#establish(pending, listener, arrival - sentAt);
    });
  }

  #establish(pending: Pending<F>, listener: Listener<F>, rttUs: number): void {
    const { from, to, flow, settings } = pending;
    const local = `${from.address}:${32_768 + (flow % 28_232)}`;
    const remote = `${to.address}:${to.port}`;
    const common = { flow, rttUs, settings };
    const near = new TcpEnd<F>(this.#network, this.#scheduler, {
      ...common,
      node: from.node,
      far: to.node,
      local,
      remote,
    });
    const far = new TcpEnd<F>(this.#network, this.#scheduler, {
      ...common,
      node: to.node,
      far: from.node,
      local: remote,
      remote: local,
    });
    near.pairWith(far);
    far.pairWith(near);
    pending.connected(near);
    // The third packet of the handshake; the first frame would do as well, should it be lost.
    this.#scheduler.at(instant(this.#scheduler.now + rttUs / 2), () => listener.accept(far));
  }

  #fail(pending: Pending<F>, at: Instant, code: string): void {
    this.#scheduler.at(at < this.#scheduler.now ? this.#scheduler.now : at, () => {
      if (!pending.live) return;
      pending.live = false;
      pending.failed(code);
    });
  }
}

interface Pending<F> extends Attempt<F> {
  readonly flow: number;
  live: boolean;
}
