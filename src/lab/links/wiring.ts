// Hands on the lab's links: which port belongs to which endpoint, and the resident tools that change them and read them back.
// One `ip` and one `nft` for the switchboard, one `ip` for each node's own namespace, started when first needed or ahead of
// a timeline. What was changed through here is remembered, so that a change by somebody else can be told apart.
import type { Plan, PlannedInterface, PlannedLink } from "../../plan/index.js";
import { now, OperatingError } from "../../system/index.js";
import { linkLine, type LinkLine } from "./kernel-lines.js";
import { ResidentTool } from "./resident.js";

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

type Admin = LinkLine["admin"];

/** A change we made whose echo has not come after this long made none (it was in that state already). */
const echoUsMax = 2_000_000;

export class Wiring {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly endpointOfPort: ReadonlyMap<string, Endpoint>;
  readonly #switchboard = new ResidentTool("ip", "");
  readonly #nft = new ResidentTool("nft", "");
  readonly #inside = new Map<string, ResidentTool>();
  /** Nodes that have ended: they have no interface now. */
  readonly #gone = new Set<string>();
  readonly #echoes = new Map<string, { readonly admin: Admin; readonly until: number }[]>();

  constructor(plan: Plan) {
    const endpoints = plan.nodes.flatMap((node) => node.interfaces.map((each) => endpointFor(plan, node.name, each)));
    this.endpoints = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
    this.endpointOfPort = new Map(endpoints.map((endpoint) => [endpoint.interface.port, endpoint]));
  }

  /** Starts what is not running yet of the tools that faults on these nodes need. */
  async prepare(nodes: readonly string[]): Promise<void> {
    await Promise.all([this.#switchboard, this.#nft].map((tool) => tool.start()));
    for (const node of nodes) if (!this.#gone.has(node)) await this.#toolFor(node).start();
  }

  /** The node has ended: its own tool goes, which would keep the namespace, and faults on its interfaces are refused. */
  async letGo(node: string): Promise<void> {
    this.#gone.add(node);
    const tool = this.#inside.get(node);
    this.#inside.delete(node);
    await tool?.[Symbol.asyncDispose]();
  }

  /** The node has its wires again. Its tool starts ahead of need. */
  async relaid(node: string): Promise<void> {
    this.#gone.delete(node);
    await this.#toolFor(node).start();
  }

  isGone(node: string): boolean {
    return this.#gone.has(node);
  }

  /** Sets a device up or down and answers its state as the kernel tells it afterwards. */
  async setAdmin(device: Device, admin: Admin): Promise<LinkLine> {
    const key = keyOf(device);
    const echoes = this.#echoes.get(key) ?? [];
    echoes.push({ admin, until: now() + echoUsMax });
    this.#echoes.set(key, echoes);
    const lines = [`link set dev ${device.name} ${admin}`, `link show dev ${device.name}`];
    const state = stateFrom(device, await this.#toolFor(device.namespace).ask(lines));
    if (state.admin === admin) return state;
    throw new OperatingError(`Set ${describe(device)} ${admin}: read back it is ${state.admin}`);
  }

  async show(device: Device): Promise<LinkLine> {
    return stateFrom(device, await this.#toolFor(device.namespace).ask([`link show dev ${device.name}`]));
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

  #toolFor(namespace: string): ResidentTool {
    if (namespace === "") return this.#switchboard;
    if (this.#gone.has(namespace))
      throw new OperatingError(`Reach ${namespace}: it has ended, it has no interface now`);
    const tool = this.#inside.get(namespace) ?? new ResidentTool("ip", namespace);
    this.#inside.set(namespace, tool);
    return tool;
  }
}

const keyOf = (device: Device): string => `${device.namespace}:${device.name}`;
export const describe = (device: Device): string =>
  device.namespace === "" ? `port ${device.name}` : `${device.name} in ${device.namespace}`;

/** The device's line in an answer; what else the tool said is why there is none. */
function stateFrom(device: Device, answer: readonly string[]): LinkLine {
  const states = answer.map(linkLine).filter((line) => line?.interface === device.name);
  const state = states.at(-1);
  const said = answer.filter((text) => linkLine(text) === undefined);
  if (state !== undefined && said.length === 0) return state;
  throw new OperatingError(`Change ${describe(device)}: ip said "${said.join("; ") || "nothing"}"`);
}

function endpointFor(plan: Plan, node: string, each: PlannedInterface): Endpoint {
  const link = each.link < 0 ? undefined : plan.links[each.link];
  const far = link?.ends.find((end) => end.port !== each.port);
  return { name: `${node}:${each.name}`, node, interface: each, link, farPort: far?.port };
}
