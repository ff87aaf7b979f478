// The four ways an interface goes down (design 6.4), each done, read back from the kernel, and undone:
//
//   admin      the node's own end is set down in its namespace. Removes its IPv6 addresses and static routes.
//   carrier    the cable is pulled: ports in the switchboard go down. The node keeps its addresses. On a propagating link both
//              ends lose carrier, on an isolating one, and at a switch, only the target's.
//   blackhole  both ends stay up and every frame is dropped at the node's port, in both directions.
//   one-way    the node hears, but nothing it sends arrives.
//
// The drops are nftables rules at the netdev hooks of the port: unlike a bridge port's state they do not heal when a node's end flaps.
import { assertNever, type Instant } from "../../base/index.js";
import type { HowDown } from "../../boundary/index.js";
import { setImmediate } from "node:timers/promises";
import { now, OperatingError, pause } from "../../system/index.js";
import type { CarrierKeeper } from "./carrier.js";
import type { LinkState } from "./netlink-links.js";
import { describe, type Device, type Endpoint, type Wiring } from "./wiring.js";

/** Something the kernel said: when it was read back, and what. */
export interface Confirmed {
  readonly at: Instant;
  readonly detail: string;
}

export interface Cut extends Confirmed {
  /** When it was ordered, where the doing takes time by its nature: then lateness counts from here. */
  readonly orderedAt?: Instant;
  /** Its undo belongs to the fault itself and follows at once. */
  readonly healsItself?: boolean;
  /** Undoes it and reads back. */
  readonly undo: () => Promise<Confirmed>;
}

export interface CutOptions {
  readonly endpoint: Endpoint;
  readonly fault: number;
}

/** A chain that drops, at one hook of a port. */
interface Chain {
  readonly hook: "ingress" | "egress";
  readonly name: string;
}

const table = "netdev testbed";
/** The kernel tells the peer of a veth within a millisecond; linkwatch may take a second where it thinks it has time. */
const carrierMsMax = 2_000;
/** Looks between two turns of the loop, which has other things to do meanwhile. */
const looksInARow = 5;

export class Downs {
  readonly #wiring: Wiring;
  readonly #carrier: CarrierKeeper;
  /** Faults that hold a node's own end down, by endpoint. */
  readonly #adminHolds = new Map<string, Set<number>>();
  /** Drops in force, by endpoint. */
  readonly #drops = new Map<string, Set<readonly Chain[]>>();
  #hasTable: Promise<void> | undefined;

  constructor(wiring: Wiring, carrier: CarrierKeeper) {
    this.#wiring = wiring;
    this.#carrier = carrier;
  }

  /** Has everything ready that a fault needs: the tool and the table for drops. */
  async prepare(): Promise<void> {
    await this.#wiring.prepare();
    await this.#table();
  }

  /** Before faults are due: their nodes' namespaces are entered once. */
  reachNodes(): void {
    this.#wiring.reachNodes();
  }

  /** Just before a fault is due: the second of two looks takes half as long as the first. */
  rehearse(): void {
    this.#wiring.adminOf(loopback);
    this.#wiring.show(loopback);
  }

  /** A node has its wires again: what drops its frames is a rule on ports that are new. */
  async relaid(node: string): Promise<void> {
    for (const { endpoint, chains } of this.#dropsOf(node)) {
      // Newer kernels keep a rule whose port went, older ones do not: the one that is left is replaced.
      await this.#wiring.nft(chains.map(({ name }) => `delete chain ${table} ${name}`));
      await this.#addDrops(endpoint.interface.port, chains);
    }
  }

  /** A node that began again has its interfaces up: those that a fault holds down go down again. */
  async holdAgain(node: string): Promise<void> {
    for (const endpoint of this.#wiring.endpoints.values()) {
      if (endpoint.node !== node || (this.#adminHolds.get(endpoint.name)?.size ?? 0) === 0) continue;
      this.#wiring.setAdmin(ownEnd(endpoint), "down");
    }
  }

  #dropsOf(node: string): readonly { readonly endpoint: Endpoint; readonly chains: readonly Chain[] }[] {
    return [...this.#wiring.endpoints.values()]
      .filter((endpoint) => endpoint.node === node)
      .flatMap((endpoint) => [...(this.#drops.get(endpoint.name) ?? [])].map((chains) => ({ endpoint, chains })));
  }

  cut(how: HowDown, options: CutOptions): Promise<Cut> {
    switch (how) {
      case "admin":
        return this.#cutAdmin(options);
      case "carrier":
        return this.#cutCarrier(options);
      case "blackhole":
        return this.#drop(["ingress", "egress"], options);
      case "one-way":
        return this.#drop(["ingress"], options);
      default:
        return assertNever(how);
    }
  }

  async #cutAdmin({ endpoint, fault }: CutOptions): Promise<Cut> {
    const device = ownEnd(endpoint);
    const holds = this.#adminHolds.get(endpoint.name) ?? new Set();
    this.#adminHolds.set(endpoint.name, holds);
    const cut = await this.#holdDown(device, holds, fault);
    const undo = async (): Promise<Confirmed> => {
      holds.delete(fault);
      if (this.#wiring.isGone(endpoint.node)) return confirmed(`${endpoint.node} has ended, and has no interfaces`);
      if (holds.size > 0) return confirmed(`${describe(device)} stays down: fault ${[...holds].join(", ")} holds it`);
      this.#wiring.setAdmin(device, "up");
      return this.#told(now(), device);
    };
    return { ...cut, undo };
  }

  async #holdDown(device: Device, holds: Set<number>, fault: number): Promise<Confirmed> {
    holds.add(fault);
    try {
      this.#wiring.order(device, "down");
      await Promise.resolve(); // the other interfaces that are due at the same instant go down before this one is looked at
      this.#wiring.readBack(device, "down");
      const at = now();
      await Promise.resolve(); // and are read back
      return this.#told(at, device);
    } catch (error) {
      holds.delete(fault);
      throw error;
    }
  }

  /** What was read back at this instant, with all that the kernel says of the device. */
  #told(at: Instant, device: Device): Confirmed {
    return { at, detail: stateText(device, this.#wiring.show(device)) };
  }

  async #cutCarrier({ endpoint, fault }: CutOptions): Promise<Cut> {
    const { port } = endpoint.interface;
    const isCable = endpoint.link?.carrier === "propagate" && endpoint.farPort !== undefined;
    const others = isCable ? [endpoint.farPort] : [];
    const device = ownEnd(endpoint);
    this.#wiring.adminOf(device); // a fault on an interface that is not there must fail before anything is done
    try {
      // The target's own port first, and its end is looked at before anything else is done: that is when the fault is in effect.
      // The far end follows within a millisecond or two and is waited for all the same.
      this.#carrier.hold([port], fault);
      await Promise.resolve(); // the ports of faults that are due at the same instant
      const cut = await this.#carrierOf(device, { carrier: false });
      this.#carrier.hold(others, fault);
      const detail = `${cut.detail}; down: ${[port, ...others].join(", ")}`;
      return { at: cut.at, detail, undo: () => this.#plug(endpoint, others, fault) };
    } catch (error) {
      this.#carrier.release([port, ...others], fault);
      throw error;
    }
  }

  async #plug(endpoint: Endpoint, others: readonly string[], fault: number): Promise<Confirmed> {
    const device = ownEnd(endpoint);
    const up = this.#carrier.release([endpoint.interface.port], fault);
    this.#carrier.release(others, fault);
    if (this.#wiring.isGone(endpoint.node)) return confirmed(`${endpoint.node} has ended, and has no interfaces`);
    const state = this.#wiring.show(device);
    // It may be held by another fault, or follow an end that is down: then there is no carrier to wait for.
    if (up.length > 0 && state.admin === "up") return this.#carrierOf(device, { carrier: true });
    return confirmed(`${stateText(device, state)}; ${up.length === 0 ? "its port stays down" : "its port is up"}`);
  }

  async #drop(hooks: readonly ("ingress" | "egress")[], { endpoint, fault }: CutOptions): Promise<Cut> {
    await this.#table();
    const { port } = endpoint.interface;
    this.#wiring.adminOf(ownEnd(endpoint)); // as above
    const chains = hooks.map((hook) => ({ hook, name: `fault${fault}_${endpoint.interface.portIndex}_${hook}` }));
    const cut = await this.#addDrops(port, chains);
    const drops = this.#drops.get(endpoint.name) ?? new Set();
    this.#drops.set(endpoint.name, drops.add(chains));
    const undo = (): Promise<Confirmed> => {
      drops.delete(chains);
      return this.#undrop(
        port,
        chains.map(({ name }) => name),
      );
    };
    return { ...cut, undo };
  }

  async #addDrops(port: string, chains: readonly Chain[]): Promise<Confirmed> {
    const adds = chains.map(
      ({ hook, name }) =>
        `add chain ${table} ${name} { type filter hook ${hook} device "${port}" priority 0; }; add rule ${table} ${name} counter drop`,
    );
    const answer = await this.#wiring.nft([adds.join("; "), `list table ${table}`]);
    const cut = confirmed(chains.map(({ hook }) => `drop at ${hook} of port ${port}`).join(", "));
    const missing = chains.filter(({ name }) => !hasDrop(answer, name));
    if (missing.length > 0) throw new OperatingError(`Drop frames at port ${port}: nft said "${answer.join("; ")}"`);
    return cut;
  }

  async #undrop(port: string, chains: readonly string[]): Promise<Confirmed> {
    const deletes = chains.map((name) => `delete chain ${table} ${name}`).join("; ");
    const answer = await this.#wiring.nft([deletes, `list table ${table}`]);
    const left = chains.filter((name) => answer.some((line) => line.includes(`chain ${name} `)));
    const isThere = answer.some((line) => line.startsWith(`table ${table}`));
    if (left.length === 0 && isThere) return confirmed(`no drop of this fault at port ${port}`);
    throw new OperatingError(`Let frames pass port ${port}: nft said "${answer.join("; ")}"`);
  }

  #table(): Promise<void> {
    this.#hasTable ??= this.#wiring.nft([`add table ${table}`, `list table ${table}`]).then((answer) => {
      if (answer.some((line) => line.startsWith(`table ${table}`))) return;
      this.#hasTable = undefined;
      throw new OperatingError(`Make the table for drops: nft said "${answer.join("; ")}"`);
    });
    return this.#hasTable;
  }

  /** The node's end when its carrier has become so. A look takes 0.05 ms: some follow one another at once. */
  async #carrierOf(device: Device, { carrier }: { readonly carrier: boolean }): Promise<Confirmed> {
    const signal = AbortSignal.timeout(carrierMsMax);
    for (let looks = 1; ; looks++) {
      const state = this.#wiring.show(device);
      if (state.carrier === carrier) return confirmed(stateText(device, state));
      if (signal.aborted) {
        const wanted = carrier ? "carrier" : "no carrier";
        throw new OperatingError(
          `Wait for ${wanted} at ${describe(device)}: "${stateText(device, state)}" after ${carrierMsMax} ms`,
        );
      }
      if (looks > 20) await pause(1, { signal: new AbortController().signal });
      else if (looks % looksInARow === 0) await setImmediate();
    }
  }
}

/** Of the switchboard: every kernel has it. */
const loopback: Device = { namespace: "", name: "lo" };

const confirmed = (detail: string): Confirmed => ({ at: now(), detail });

const ownEnd = (endpoint: Endpoint): Device => ({ namespace: endpoint.node, name: endpoint.interface.name });

const stateText = (device: Device, state: LinkState): string =>
  `${describe(device)} is ${state.admin}${state.carrier ? ", carrier" : ", no carrier"}`;

/** nft lists a chain over several lines; the rule stands before its closing brace. */
function hasDrop(listing: readonly string[], chain: string): boolean {
  const start = listing.findIndex((line) => line.includes(`chain ${chain} {`));
  if (start < 0) return false;
  const end = listing.findIndex((line, index) => index > start && line.trim() === "}");
  return listing.slice(start, end).some((line) => /\bdrop\b/.test(line));
}
