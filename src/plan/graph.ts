// A plan as a graph to be drawn: nodes by kind, links with the names of their ends and their impairments; for a running lab also
// which links are down and which faults are in effect where. Drawn by graph-mermaid.ts, graph-dot.ts and graph-svg.ts.
import type { NodeKind } from "../spec/index.js";
import { impairmentWords } from "./impairment.js";
import type { Plan } from "./plan.js";

/** What a running lab says of itself, as far as it is drawn: `lab`'s status fits. */
export interface GraphState {
  readonly links: readonly { readonly ends: readonly [string, string]; readonly up: boolean }[];
  readonly faults: readonly {
    readonly fault: number;
    readonly what: string;
    readonly how: string;
    readonly target: string;
    readonly state: string;
  }[];
}

export interface GraphNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** Faults in effect at its service, like `fault 2: process-kill`. */
  readonly faults: readonly string[];
}

export interface GraphEnd {
  readonly node: string;
  /** Empty at a switch. */
  readonly interface: string;
}

export interface GraphLink {
  readonly ends: readonly [GraphEnd, GraphEnd];
  /** Like `delay 50 ms`, each way. */
  readonly impairments: readonly string[];
  /** `planned` where no lab runs. */
  readonly state: "planned" | "up" | "down";
  /** Faults in effect at either end, like `fault 1: interface-down (carrier) at r1:eth1`. */
  readonly faults: readonly string[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
}

export function graphFor(plan: Plan, state?: GraphState): Graph {
  const effective = (state?.faults ?? []).filter((fault) => fault.state === "effective");
  const faultsAt = (target: string): readonly string[] =>
    effective.filter((fault) => fault.target === target).map(faultText);
  const stateOf = new Map((state?.links ?? []).map(({ ends, up }) => [ends.join(" "), up ? "up" : "down"] as const));
  return {
    name: plan.lab,
    nodes: plan.topology.nodes.map(({ name, kind }) => ({ name, kind, faults: faultsAt(name) })),
    links: plan.topology.links.map(({ endpoints: [left, right], impairment }) => {
      const names = [left, right].map(endText);
      return {
        ends: [left, right],
        impairments: impairmentWords(impairment),
        state: stateOf.get(names.join(" ")) ?? "planned",
        faults: [left, right].filter((end) => end.interface !== "").flatMap((end) => faultsAt(endText(end))),
      };
    }),
  };
}

const endText = (end: GraphEnd): string => (end.interface === "" ? end.node : `${end.node}:${end.interface}`);

function faultText({ fault, what, how, target }: GraphState["faults"][number]): string {
  const place = target.includes(":") ? ` at ${target}` : "";
  return `fault ${fault}: ${what}${how === "" ? "" : ` (${how})`}${place}`;
}

/** Colours of the kinds, the same in every drawing. */
export const kindColours: Readonly<Record<NodeKind, string>> = {
  orderer: "#bfdbfe",
  peer: "#bbf7d0",
  client: "#fde68a",
  router: "#e5e7eb",
  switch: "#c7b8ea",
  host: "#ffffff",
};
export const downColour = "#c81e1e";
