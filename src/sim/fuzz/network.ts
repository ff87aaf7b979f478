// The faults that are in force, and what they make of disks and links: overlapping ones add up, and ending one leaves
// the others as they were.
import { microseconds, milliseconds, nodeId, type Duration, type NodeId } from "../../base/index.js";
import type { Cluster } from "../cluster.js";
import type { Fault, Setting } from "./schedule.js";

/** A fault whose targets are nodes by now. */
export type Resolved =
  | { readonly kind: "between"; readonly source: NodeId; readonly target: NodeId; readonly both: boolean }
  | { readonly kind: "around"; readonly nodes: readonly NodeId[]; readonly way?: "out" | "in" }
  | {
      readonly kind: "impair";
      readonly source: NodeId;
      readonly target: NodeId;
      readonly loss?: number;
      readonly duplicate?: number;
      readonly reorder?: number;
      readonly delay?: Duration;
      readonly jitter?: Duration;
    }
  | { readonly kind: "disk"; readonly node: NodeId; readonly fsync: Duration };

/** What of the network and the disks a fault concerns; undefined for all others. */
export function resolved(fault: Fault, node: (target: number | string) => NodeId): Resolved | undefined {
  switch (fault.kind) {
    case "cut":
      return { kind: "between", source: node(fault.source), target: node(fault.target), both: fault.both };
    case "isolate":
      return { kind: "around", nodes: [node(fault.node)], ...(fault.way === undefined ? {} : { way: fault.way }) };
    case "partition":
      return { kind: "around", nodes: fault.nodes.map(nodeId) };
    case "loss":
      return { kind: "impair", source: node(fault.source), target: node(fault.target), loss: fault.percent / 100 };
    case "duplicate":
      return { kind: "impair", source: node(fault.source), target: node(fault.target), duplicate: fault.percent / 100 };
    case "reorder":
      return { kind: "impair", source: node(fault.source), target: node(fault.target), reorder: fault.percent / 100 };
    case "delay": {
      const [delay, jitter] = [milliseconds(fault.delayMs), milliseconds(fault.jitterMs)];
      return { kind: "impair", source: node(fault.source), target: node(fault.target), delay, jitter };
    }
    case "slowDisk":
      return { kind: "disk", node: node(fault.node), fsync: milliseconds(fault.fsyncMs) };
    default:
      return undefined;
  }
}

export class Network {
  readonly #cluster: Cluster;
  readonly #setting: Setting;
  readonly #all: readonly NodeId[];
  readonly #active = new Set<Resolved>();

  constructor(cluster: Cluster, setting: Setting, all: readonly NodeId[]) {
    this.#cluster = cluster;
    this.#setting = setting;
    this.#all = all;
    this.#apply();
  }

  get whole(): boolean {
    return this.#active.size === 0;
  }

  begin(fault: Resolved): void {
    this.#active.add(fault);
    this.#apply();
  }

  end(fault: Resolved): void {
    if (this.#active.delete(fault)) this.#apply();
  }

  heal(): void {
    this.#active.clear();
    this.#apply();
  }

  #apply(): void {
    const { linkDelayMs, jitterMs, fsyncMs } = this.#setting;
    const active = [...this.#active];
    for (const source of this.#all) {
      for (const target of this.#all) {
        const link = this.#cluster.links.link(source, target);
        link.up = !active.some((fault) => cuts(fault, source, target));
        const impairments = active.flatMap((fault) =>
          fault.kind === "impair" && fault.source === source && fault.target === target ? [fault] : [],
        );
        link.loss = Math.max(0, ...impairments.map(({ loss }) => loss ?? 0));
        link.duplicate = Math.max(0, ...impairments.map(({ duplicate }) => duplicate ?? 0));
        link.reorder = Math.max(0, ...impairments.map(({ reorder }) => reorder ?? 0));
        link.delay = sum(
          milliseconds(linkDelayMs),
          impairments.map(({ delay }) => delay),
        );
        link.jitter = sum(
          milliseconds(jitterMs),
          impairments.map(({ jitter }) => jitter),
        );
      }
      const slow = active.flatMap((fault) => (fault.kind === "disk" && fault.node === source ? [fault.fsync] : []));
      this.#cluster.slowDisk(source, microseconds(Math.max(milliseconds(fsyncMs), ...slow)));
    }
  }
}

function cuts(fault: Resolved, source: NodeId, target: NodeId): boolean {
  if (fault.kind === "around") {
    const [from, to] = [fault.nodes.includes(source), fault.nodes.includes(target)];
    return from !== to && (fault.way === undefined || from === (fault.way === "out"));
  }
  if (fault.kind !== "between") return false;
  const along = fault.source === source && fault.target === target;
  return along || (fault.both && fault.source === target && fault.target === source);
}

const sum = (base: Duration, more: readonly (Duration | undefined)[]): Duration =>
  microseconds(more.reduce<number>((total, part) => total + (part ?? 0), base));
