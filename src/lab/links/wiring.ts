// Hands on the lab's links: which port belongs to which endpoint, and how one is set up or down and read back: by rtnetlink, in the
// switchboard and in a node's own namespace (netlink.ts), in a tenth of a millisecond. What was changed through here is remembered, so
// that a change by somebody else can be told apart. One resident `nft` for the drops in the switchboard.
import type { Plan, PlannedInterface, PlannedLink } from "../../plan/index.js";
import { now, OperatingError } from "../../system/index.js";
import { openKernel, type OpenKernel } from "./netlink.js";
import { adminState, linkState, setLink, type LinkState } from "./netlink-links.js";
import { ResidentNft } from "./resident-nft.js";

export interface Endpoint {
  /** `node:eth1`. */
  readonly name: string;
  readonly node: string;
  readonly interface: PlannedInterface;
  /** Undefined for a port of a switch. */
  readonly link: PlannedLink | undefined;
  /** Port of the far end, on a link between two nodes. */
  readonly farPort: string | undefined;
}

/** A link device: in a node's namespace, or a port in the switchboard (""). */
export interface Device {
  readonly namespace: string;
  readonly name: string;
}

type Admin = LinkState["admin"];

/** A change we made whose echo has not come after this long made none (it was in that state already). */
const echoUsMax = 2_000_000;

export class Wiring {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #endpointOfPort = new Map<string, Endpoint>();
  readonly #nft = new ResidentNft();
  /** Nodes that have ended: they have no interface now. */
  readonly #gone = new Set<string>();
  /** By namespace, from its first use until its node ends. */
  readonly #kernels = new Map<string, OpenKernel>();
  readonly #echoes = new Map<string, { readonly admin: Admin; readonly until: number }[]>();

  constructor(plan: Plan) {
    this.adopt(plan);
  }

  /** By `node:eth1`. */
  get endpoints(): ReadonlyMap<string, Endpoint> {
    return this.#endpoints;
  }

  get endpointOfPort(): ReadonlyMap<string, Endpoint> {
    return this.#endpointOfPort;
  }

  /** From now on these are the lab's links, whoever made them. */
  adopt(plan: Plan): void {
    const endpoints = plan.nodes.flatMap((node) => node.interfaces.map((each) => endpointFor(plan, node.name, each)));
    this.#endpoints.clear();
    this.#endpointOfPort.clear();
    for (const endpoint of endpoints) this.#endpoints.set(endpoint.name, endpoint);
    for (const endpoint of endpoints) this.#endpointOfPort.set(endpoint.interface.port, endpoint);
  }

  /** These are about to go: what the kernel says of them from now on is nobody's doing but ours. */
  forget(names: readonly string[]): void {
    for (const name of names) {
      const endpoint = this.#endpoints.get(name);
      if (endpoint === undefined) continue;
      this.#endpoints.delete(name);
      this.#endpointOfPort.delete(endpoint.interface.port);
      this.#close(endpoint.node);
    }
  }

  /** Starts ahead of need what faults need. */
  async prepare(): Promise<void> {
    await this.#nft.start();
  }

  /** Has a way into every node's namespace: to enter one when a fault is due takes half as long as the fault. */
  reachNodes(): void {
    for (const { node } of this.#endpoints.values()) if (!this.#gone.has(node)) this.#kernelOf(node);
  }

  /** The node has ended: faults on its interfaces are refused. */
  letGo(node: string): void {
    this.#gone.add(node);
    this.#close(node);
  }

  /** The node has its wires again. */
  relaid(node: string): void {
    this.#gone.delete(node);
  }

  isGone(node: string): boolean {
    return this.#gone.has(node);
  }

  /** Sets a device up or down and reads that back. */
  setAdmin(device: Device, admin: Admin): void {
    this.order(device, admin);
    this.readBack(device, admin);
  }

  /** Sets it; whether it is so `readBack` says. */
  order(device: Device, admin: Admin): void {
    this.#refuseGone(device);
    const key = keyOf(device);
    const echoes = this.#echoes.get(key) ?? [];
    echoes.push({ admin, until: now() + echoUsMax });
    this.#echoes.set(key, echoes);
    const refused = setLink(this.#kernelOf(device.namespace), device.name, admin);
    if (refused !== "") throw new OperatingError(`Set ${describe(device)} ${admin}: the kernel said "${refused}"`);
  }

  readBack(device: Device, admin: Admin): void {
    const found = this.adminOf(device);
    if (found !== admin) throw new OperatingError(`Set ${describe(device)} ${admin}: read back it is ${found}`);
  }

  /** Quicker than `show`, which queues up with all who hear of a change. */
  adminOf(device: Device): Admin {
    return this.#look(device, adminState).admin;
  }

  show(device: Device): LinkState {
    return this.#look(device, linkState);
  }

  #look<State>(device: Device, look: (kernel: OpenKernel, name: string) => State | string): State {
    this.#refuseGone(device);
    const state = look(this.#kernelOf(device.namespace), device.name);
    if (typeof state !== "string") return state;
    throw new OperatingError(`Look at ${describe(device)}: the kernel said "${state}"`);
  }

  /** Runs lines of nft in the switchboard and answers what it printed. */
  nft(lines: readonly string[]): Promise<readonly string[]> {
    return this.#nft.ask(lines);
  }

  /** True when this change was made through here; asked once for each change that the kernel reports. */
  isOurs(device: Device, admin: Admin): boolean {
    const key = keyOf(device);
    const echoes = (this.#echoes.get(key) ?? []).filter((echo) => echo.until > now());
    const index = echoes.findIndex((echo) => echo.admin === admin);
    // Changes before the one that is reported made no difference: the kernel reports in order.
    this.#echoes.set(key, index < 0 ? echoes : echoes.slice(index + 1));
    return index >= 0;
  }

  #kernelOf(namespace: string): OpenKernel {
    const kernel = this.#kernels.get(namespace) ?? openKernel(namespace);
    this.#kernels.set(namespace, kernel);
    return kernel;
  }

  #close(namespace: string): void {
    this.#kernels.get(namespace)?.[Symbol.dispose]();
    this.#kernels.delete(namespace);
  }

  #refuseGone({ namespace }: Device): void {
    if (!this.#gone.has(namespace)) return;
    throw new OperatingError(`Reach ${namespace}: it has ended, it has no interface now`);
  }
}

const keyOf = (device: Device): string => `${device.namespace}:${device.name}`;
export const describe = (device: Device): string =>
  device.namespace === "" ? `port ${device.name}` : `${device.name} in ${device.namespace}`;

function endpointFor(plan: Plan, node: string, each: PlannedInterface): Endpoint {
  const link = each.link < 0 ? undefined : plan.links[each.link];
  const far = link?.ends.find((end) => end.port !== each.port);
  return { name: `${node}:${each.name}`, node, interface: each, link, farPort: far?.port };
}
