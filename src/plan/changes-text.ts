// Changes of a running lab for people: what comes, goes and changes, and under "Commands" exactly the lines that carry it out.
import { toMilliseconds, type Duration } from "../base/index.js";
import type { LinkChange, PlanChanges } from "./changes.js";
import type { Step } from "./plan.js";

/** One line for each change; a single line when there is none. */
export function changesText(changes: PlanChanges): string {
  const { lab, nodesAdded, nodesRemoved, linksAdded, linksRemoved, linksChanged, routesChanged } = changes;
  const lines = [
    ...nodesRemoved.map((name) => `remove node ${name}`),
    ...linksRemoved.map((name) => `remove link ${name}`),
    ...nodesAdded.map((name) => `add node ${name}`),
    ...linksAdded.map((name) => `add link ${name}`),
    ...linksChanged.map(linkChangeText),
    ...routesChanged.map((name) => `change static routes of ${name}`),
  ];
  if (lines.length === 0) return `lab ${lab} is as the file says: nothing to change\n`;
  return `${[`lab ${lab}:`, ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}

/** What `up` would tell `ip`, `tc` and FRR, in order. */
export function changeCommandsText({ steps, frr }: PlanChanges): string {
  const lines = [
    ...steps.removing.map(commandLine),
    ...frr.flatMap(({ node, removing }) => removing.map((line) => `in ${node}: vtysh ${line}`)),
    ...steps.namespacesRemoved.map((name) => `remove namespace ${name}`),
    ...steps.namespacesAdded.map((name) => `make namespace ${name}`),
    ...[...steps.wiring, ...steps.addressing, ...steps.impairments].map(commandLine),
    ...frr.flatMap(({ node, adding }) => adding.map((line) => `in ${node}: vtysh ${line}`)),
    ...steps.namespacesAdded.map((name) => `start ${name}`),
  ];
  return lines.length === 0 ? "" : `${["Commands, in order", ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}

/** Refusals, one a line, each with what to do. */
export const refusalText = ({ refused, lab }: PlanChanges): string =>
  refused.map(({ what, why, cure }) => `Cannot change lab "${lab}": ${what}: ${why}; ${cure}`).join("\n");

const commandLine = ({ tool, namespace, line }: Step): string =>
  `in ${namespace === "" ? "the switchboard" : namespace}: ${tool} ${line}`;

const linkChangeText = ({ link, what, from, to }: LinkChange): string => {
  const word = {
    delay: "delay",
    jitter: "jitter",
    lossPercent: "loss",
    rateKbit: "rate",
    mtu: "mtu",
    carrier: "carrier",
  };
  return `change link ${link}: ${word[what]} ${valueText(what, from)} → ${valueText(what, to)}`;
};

function valueText(what: LinkChange["what"], value: string | number): string {
  switch (what) {
    case "delay":
    case "jitter":
      return value === 0 ? "none" : `${toMilliseconds(Number(value) as Duration)} ms`; // microseconds by LinkChange
    case "lossPercent":
      return value === 0 ? "none" : `${value} %`;
    case "rateKbit":
      return value === 0 ? "unlimited" : `${value} kbit/s`;
    case "mtu":
    case "carrier":
      return String(value);
  }
}
