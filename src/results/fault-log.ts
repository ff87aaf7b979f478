// Faults: one row for each endpoint or node that a fault hit, from its request to its heal, and for each change of a link
// that nobody asked for. Beside it, what every plane saw of it first: the near and the far kernel, routing, TCP and gRPC at
// the node itself and at the others, and the consensus. Blank means never.
import { microseconds, type Duration, type Instant } from "../base/index.js";
import type {
  Event,
  FaultEvent,
  LinkEvent,
  ObservedEvent,
  RouteEvent,
  SocketEvent,
  StreamEvent,
} from "../boundary/index.js";
import { latenessOf } from "../checks/index.js";
import { nodeOf, type Cast } from "./cast.js";

export const planes = [
  "nearKernel",
  "farKernel",
  "route",
  "nearTcp",
  "farTcp",
  "nearGrpc",
  "farGrpc",
  "consensus",
] as const;
export type Plane = (typeof planes)[number];

export interface Sighting {
  readonly at: Instant;
  readonly saw: string;
}

export interface FaultRow {
  /** Number within the lab; undefined for what was only observed. */
  readonly fault: number | undefined;
  readonly what: string;
  readonly how: string;
  target: string;
  readonly asked: string;
  dueAt: Instant | undefined;
  requestedAt: Instant | undefined;
  /** Read back; for an observed change the instant at which it was observed. */
  effectiveAt: Instant | undefined;
  lateness: Duration | undefined;
  healRequestedAt: Instant | undefined;
  healedAt: Instant | undefined;
  observedAt: Instant | undefined;
  state: "requested" | "effective" | "healed" | "failed" | "observed";
  detail: string;
  leader: string;
  /** How long after the heal the node was level with the others again. */
  caughtUpAfter: Duration | undefined;
  readonly sightings: Map<Plane, Sighting>;
}

/** A kernel's report may be heard this long before the fault is stamped. */
const kernelBefore: Duration = microseconds(1_000_000);
const faultsMax = 10_000;

export class FaultLog {
  readonly #cast: Cast;
  readonly rows: FaultRow[] = [];
  /** Rows that still collect sightings: the newest of each node. */
  readonly #watching = new Map<string, FaultRow[]>();
  readonly #lastDown = new Map<string, Sighting>();

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  /** The first change that took effect, asked for or observed. */
  get first(): FaultRow | undefined {
    let first: FaultRow | undefined;
    for (const row of this.rows) {
      if (row.effectiveAt === undefined) continue;
      if (first?.effectiveAt === undefined || row.effectiveAt < first.effectiveAt) first = row;
    }
    return first;
  }

  /** Whether the faults that last now leave the node no interface or no process. */
  isCutOff(node: string): boolean {
    const lasting = this.rows.filter((row) => row.effectiveAt !== undefined && row.healedAt === undefined);
    return lasting.length > 0 && cutsOff(node, lasting, this.#cast);
  }

  fault(event: FaultEvent, leader: string): void {
    const row = this.#rowOf(event);
    if (row === undefined) return;
    row.dueAt ??= event.dueAt;
    row.detail = event.detail === "" ? row.detail : event.detail;
    switch (event.state) {
      case "requested":
        row.requestedAt ??= event.at;
        break;
      case "effective":
        row.effectiveAt ??= event.at;
        row.lateness ??= latenessOf(event);
        row.state = "effective";
        row.leader = leader;
        break;
      case "heal-requested":
        row.healRequestedAt ??= event.at;
        break;
      case "healed":
        row.healedAt ??= event.at;
        row.state = "healed";
        break;
      case "failed":
        row.state = "failed";
        break;
    }
  }

  #rowOf(event: FaultEvent): FaultRow | undefined {
    const ofFault = this.rows.filter((row) => row.fault === event.fault);
    const known = ofFault.find((row) => row.target === event.target) ?? ofFault.find((row) => row.target === "");
    if (known !== undefined) {
      if (known.target === "" && event.target !== "") {
        known.target = event.target;
        this.#watch(known);
      }
      return known;
    }
    if (this.rows.length >= faultsMax) return undefined;
    const row = newRow(event.fault, event.what, event.how, event.target, event.asked);
    this.rows.push(row);
    this.#watch(row);
    return row;
  }

  observed(event: ObservedEvent, leader: string): void {
    const open = this.rows.find((row) => {
      return row.state === "observed" && row.target === event.endpoint && row.healedAt === undefined;
    });
    if (event.state === "up") {
      if (open !== undefined) open.healedAt = event.at;
      return;
    }
    if (open !== undefined || this.rows.length >= faultsMax) return;
    const row = newRow(undefined, event.what ?? "interface-down", event.how, event.endpoint, "");
    row.state = "observed";
    row.effectiveAt = event.at;
    row.observedAt = event.at;
    row.leader = leader;
    this.rows.push(row);
    this.#watch(row);
    this.#recall(row);
  }

  /** Kernel reports that were heard before the change was stated. */
  #recall(row: FaultRow): void {
    const from = (row.effectiveAt ?? 0) - kernelBefore;
    const near = this.#lastDown.get(row.target);
    if (near !== undefined && near.at >= from) setFirst(row, "nearKernel", near);
    const far = this.#lastDown.get(this.#cast.far.get(row.target) ?? "");
    if (far !== undefined && far.at >= from) setFirst(row, "farKernel", far);
  }

  #watch(row: FaultRow): void {
    const node = nodeOf(row.target);
    const others = (this.#watching.get(node) ?? []).filter(
      (each) => each.fault === row.fault && row.fault !== undefined,
    );
    this.#watching.set(node, [...others, row]);
  }

  /** Any other event: each plane's first sight of the faults that are being watched. */
  observe(event: Event): void {
    switch (event.kind) {
      case "link":
        return this.#link(event);
      case "route":
        return this.#route(event);
      case "socket":
        return this.#socket(event);
      case "stream":
        return this.#stream(event);
      case "step":
        if (event.step === "complaint") {
          const saw = `${event.node}: ${String(event.facts["reason"] ?? "")}`;
          for (const rows of this.#watching.values())
            for (const row of rows) this.#see(row, "consensus", event.at, saw);
        }
        return;
      default:
        return;
    }
  }

  #link(event: LinkEvent): void {
    if (event.admin !== "down" && event.carrier && !event.deleted) return;
    const saw = event.deleted ? "deleted" : event.admin === "down" ? "admin down" : "no carrier";
    const endpoint = `${event.node}:${event.interface}`;
    this.#lastDown.set(endpoint, { at: event.at, saw });
    for (const rows of this.#watching.values()) {
      for (const row of rows) {
        const lost = endpointsLost(row, this.#cast);
        if (lost.includes(endpoint)) this.#see(row, "nearKernel", event.at, saw);
        if (lost.some((each) => this.#cast.far.get(each) === endpoint)) this.#see(row, "farKernel", event.at, saw);
      }
    }
  }

  #route(event: RouteEvent): void {
    for (const [node, rows] of this.#watching) {
      const loopback = this.#cast.loopbacks.get(node);
      if (loopback === undefined || event.node === node || event.destination.split("/")[0] !== loopback) continue;
      for (const row of rows) this.#see(row, "route", event.at, `${event.node}: ${event.action} via ${event.via}`);
    }
  }

  #socket(event: SocketEvent): void {
    if (event.state === "connected") return;
    const saw = `${event.node}: ${event.state}${event.detail === "" ? "" : ` ${event.detail}`}`;
    for (const [node, rows] of this.#watching) {
      const isNear = event.node === node;
      const isFar = hostOf(event.remote) === this.#cast.loopbacks.get(node);
      if (!isNear && !isFar) continue;
      for (const row of rows) this.#see(row, isNear ? "nearTcp" : "farTcp", event.at, saw);
    }
  }

  #stream(event: StreamEvent): void {
    if (!["transient-failure", "closed", "dropped", "send-timeout", "idle"].includes(event.state)) return;
    const saw = `${event.node}: ${event.state}${event.detail === "" ? "" : ` ${event.detail}`}`;
    for (const [node, rows] of this.#watching) {
      if (event.node !== node && event.peer !== node) continue;
      for (const row of rows) this.#see(row, event.node === node ? "nearGrpc" : "farGrpc", event.at, saw);
    }
  }

  #see(row: FaultRow, plane: Plane, at: Instant, saw: string): void {
    // Between request and read-back only the kernel and its routes may speak: all else happened before the fault.
    if (row.effectiveAt === undefined && plane !== "nearKernel" && plane !== "farKernel" && plane !== "route") return;
    setFirst(row, plane, { at, saw });
  }
}

function setFirst(row: FaultRow, plane: Plane, sighting: Sighting): void {
  if (!row.sightings.has(plane)) row.sightings.set(plane, sighting);
}

function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? address : address.slice(0, colon);
}

function newRow(fault: number | undefined, what: string, how: string, target: string, asked: string): FaultRow {
  return {
    fault,
    what,
    how,
    target,
    asked,
    dueAt: undefined,
    requestedAt: undefined,
    effectiveAt: undefined,
    lateness: undefined,
    healRequestedAt: undefined,
    healedAt: undefined,
    observedAt: undefined,
    state: "requested",
    detail: "",
    leader: "",
    caughtUpAfter: undefined,
    sightings: new Map(),
  };
}

/** Endpoints that a fault takes away: a node that has ended has none left, one that is frozen still forwards. */
function endpointsLost(row: FaultRow, cast: Cast): readonly string[] {
  if (row.what === "interface-down") return [row.target];
  if (row.what !== "node-stop" && row.what !== "node-kill" && row.what !== "node-restart") return [];
  return (cast.interfaces.get(row.target) ?? []).map((each) => `${row.target}:${each}`);
}

/** Whether these faults, as long as they last, leave the node no interface or no process. */
export function cutsOff(node: string, rows: readonly FaultRow[], cast: Cast): boolean {
  if (node === "") return false;
  const cut = new Set<string>();
  for (const row of rows) {
    if (row.what === "frr-kill") continue; // the kernel keeps its routes: others may lose the way to it, later
    if (row.what === "byzantine") {
      // Of the ways to misbehave only this one keeps its votes from being heard.
      if (row.how === "silent" && nodeOf(row.target) === node) return true;
      continue;
    }
    if (row.what !== "interface-down" && nodeOf(row.target) === node) return true;
    for (const endpoint of endpointsLost(row, cast)) {
      cut.add(endpoint);
      const far = cast.far.get(endpoint);
      if (far !== undefined) cut.add(far);
    }
  }
  const interfaces = cast.interfaces.get(node) ?? [];
  return interfaces.length > 0 && interfaces.every((each) => cut.has(`${node}:${each}`));
}
