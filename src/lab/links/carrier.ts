// Decides for every port of the switchboard whether it is up. On a link with `carrier: propagate` (a cable) a port is up
// exactly when the far node's own end is administratively up, as read in that node's namespace, and no fault holds the port.
// It is never derived from a port's carrier: two ends that go down together would then stay dead for ever (design 6.5).
// With `isolate`, and on switches, only faults hold a port down.
import type { LinkEvent } from "../../boundary/index.js";
import { between } from "../../base/index.js";
import { now, there, until, waiting, type Look } from "../../system/index.js";
import type { EventSink } from "./event-sink.js";
import type { KernelListener } from "./kernel-listener.js";
import type { Endpoint, Wiring } from "./wiring.js";

interface Port {
  readonly name: string;
  /** Endpoint whose own state decides, on a propagating link: the far one. */
  follows: string | undefined;
  readonly holds: Set<number>;
  up: boolean;
  /** Its node has ended: there is no port to set. */
  gone: boolean;
}

export class CarrierKeeper {
  readonly #wiring: Wiring;
  readonly #log: EventSink;
  readonly #ports = new Map<string, Port>();
  /** By endpoint: its own end is administratively up. */
  readonly #ownUp = new Map<string, boolean>();
  /** By endpoint: the ports that follow it. */
  readonly #followers = new Map<string, Port>();

  constructor(wiring: Wiring, log: EventSink) {
    this.#wiring = wiring;
    this.#log = log;
  }

  /**
   * Takes over after the wiring, which has set every new end and port up: from what the listener has heard of them. It may still
   * be behind; an end it never hears of would leave the far port down for good, so that is waited for and not assumed. Ports
   * that were there before keep what is known of them and what holds them.
   */
  async adopt(listener: KernelListener, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const unheard = (): Look<true> => {
      const silent = this.#newEnds().filter((end) => listener.link(end.node, end.interface.name)?.admin !== "up");
      if (silent.length === 0) return there(true);
      return waiting(`nothing heard of ${silent.map((end) => end.name).join(", ")}`);
    };
    const what = "the kernel listener to have heard that every interface is up";
    await until(unheard, { timeoutMs: 30_000, everyMs: 5, signal, what });
    for (const endpoint of this.#newEnds()) {
      const own = listener.link(endpoint.node, endpoint.interface.name);
      this.#ownUp.set(endpoint.name, own?.admin === "up" && !own.deleted);
      const name = endpoint.interface.port;
      const up = listener.link("", name)?.admin === "up";
      this.#ports.set(name, { name, follows: undefined, holds: new Set(), up, gone: false });
    }
    this.#followers.clear();
    for (const endpoint of this.#wiring.endpoints.values()) this.#follow(endpoint);
    for (const port of this.#ports.values()) this.#settle(port);
  }

  /** Ports that go with their links. */
  forget(ports: readonly string[]): void {
    for (const port of ports) this.#ports.delete(port);
  }

  #newEnds(): readonly Endpoint[] {
    return [...this.#wiring.endpoints.values()].filter((end) => !this.#ports.has(end.interface.port));
  }

  #follow(endpoint: Endpoint): void {
    const port = this.#ports.get(endpoint.interface.port);
    if (port === undefined) return;
    const far = endpoint.farPort === undefined ? undefined : this.#wiring.endpointOfPort.get(endpoint.farPort);
    port.follows = endpoint.link?.carrier === "propagate" ? far?.name : undefined;
    if (port.follows !== undefined) this.#followers.set(port.follows, port);
  }

  /** The node's ports are about to be taken away. */
  letGo(node: string): void {
    for (const port of this.#portsOf(node)) port.gone = true;
  }

  /** The node's wires are laid again, every end and port up: what is wanted of its ports now is done. */
  relaid(node: string): void {
    const ports = this.#portsOf(node);
    for (const port of ports) {
      port.gone = false;
      port.up = true;
    }
    for (const port of ports) this.#settle(port);
  }

  #portsOf(node: string): readonly Port[] {
    const endpoints = [...this.#wiring.endpoints.values()].filter((endpoint) => endpoint.node === node);
    return this.#named(endpoints.map((endpoint) => endpoint.interface.port));
  }

  /** A change of a link, ours or not. Propagates it, and measures how long that took. */
  hear(event: LinkEvent): void {
    if (event.node === "") {
      const port = this.#ports.get(event.interface);
      if (port !== undefined) port.up = event.admin === "up" && !event.deleted;
      return;
    }
    const name = `${event.node}:${event.interface}`;
    const up = event.admin === "up" && !event.deleted;
    if (this.#ownUp.get(name) === up) return;
    this.#ownUp.set(name, up);
    const follower = this.#followers.get(name);
    if (follower === undefined) return;
    try {
      if (this.#settle(follower)) this.#measured(event, follower.name);
    } catch (error) {
      this.#complain(follower.name, error);
    }
  }

  /** Holds ports down for a fault. */
  hold(ports: readonly string[], fault: number): void {
    for (const port of this.#named(ports)) {
      port.holds.add(fault);
      this.#settle(port);
    }
  }

  /** Lets go; answers the ports that are up afterwards. The others are held by another fault or follow an end that is down. */
  release(ports: readonly string[], fault: number): readonly string[] {
    const named = this.#named(ports);
    for (const port of named) {
      port.holds.delete(fault);
      this.#settle(port);
    }
    return named.filter((port) => !port.gone && this.#wanted(port)).map((port) => port.name);
  }

  #named(ports: readonly string[]): readonly Port[] {
    return ports.flatMap((name) => this.#ports.get(name) ?? []);
  }

  #wanted(port: Port): boolean {
    return port.holds.size === 0 && (port.follows === undefined || (this.#ownUp.get(port.follows) ?? false));
  }

  /** Answers whether something had to be changed. */
  #settle(port: Port): boolean {
    const wanted = this.#wanted(port);
    if (wanted === port.up || port.gone) return false;
    this.#wiring.setAdmin({ namespace: "", name: port.name }, wanted ? "up" : "down");
    port.up = wanted;
    return true;
  }

  #measured(event: LinkEvent, port: string): void {
    const at = now();
    const subject = this.#wiring.endpointOfPort.get(port)?.name ?? port;
    const measured = between(event.at, at);
    this.#log.emit({ kind: "probe", at, node: "", probe: "carrier-delay", subject, asked: 0, measured, unit: "us" });
  }

  #complain(port: string, error: unknown): void {
    const text = `carrier of port ${port} could not follow: ${error instanceof Error ? error.message : String(error)}`;
    this.#log.emit({ kind: "log", at: now(), node: "", process: "agent", text });
  }
}
