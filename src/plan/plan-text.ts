// The plan for people: everything decided, and under "Commands" exactly the lines that `testbed up` gives to `ip` and `tc`.
// Made from the plan alone, so that the text can never say what the lab does not do.
import { toMilliseconds } from "../base/index.js";
import type { Plan, PlannedEnd, PlannedInterface, PlannedLink, PlannedNode, Step } from "./plan.js";

export function planText(plan: Plan): string {
  const members = plan.nodes.filter((node) => node.kind !== "switch");
  const sections = [
    [`Plan of lab ${plan.lab}: profile ${plan.profile}, channel ${plan.channel}, routing ${plan.routing.protocol}`],
    section("Collisions", plan.collisions),
    section("Needed in the kernel", plan.requirements),
    section(
      "Nodes",
      plan.nodes.flatMap((node) => nodeLines(node, plan)),
    ),
    section("Links", plan.links.flatMap(linkLines)),
    section(
      "Switches",
      plan.switches.flatMap((each) => [
        `${each.node}: bridge ${each.bridge} index ${each.bridgeIndex}, network ${each.subnet}`,
        ...each.ports.map((port) => `  ${endText(port)}`),
      ]),
    ),
    section("Namespaces", plan.steps.namespaces),
    section("Kernel settings, before any interface exists", settingLines(plan)),
    section("Commands, in order", [
      ...commandLines(plan.steps.wiring),
      ...commandLines(plan.steps.addressing),
      ...commandLines(plan.steps.impairments),
    ]),
    ...members.map((node) => section(`FRR of ${node.name}`, frrLines(node))),
    ...members.map((node) => section(`Service of ${node.name}`, serviceLines(node))),
    section(
      "Routes expected",
      members.map((node) => `${node.name}: ${node.routesExpected.join(" ") || "none"}`),
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** Empty without lines: a heading alone would ask more than it answers. */
const section = (heading: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];

function nodeLines(node: PlannedNode, plan: Plan): readonly string[] {
  if (node.kind === "switch") return [`${node.name}: switch`];
  return [
    `${node.name}: ${node.kind}, loopback ${node.loopback}${hostText(node)}${limitsText(node)}`,
    ...node.interfaces.map((each) => `  ${interfaceText(each, switchOf(each, plan))}`),
  ];
}

function hostText({ command, host }: PlannedNode): string {
  const { image, files, environment } = host;
  return [
    command.length === 0 ? "" : `runs ${JSON.stringify(command)}`,
    image === "" ? "" : `image ${image}`,
    ...Object.keys(files).map((path) => `file ${path}`),
    ...Object.entries(environment).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
  ]
    .filter((part) => part !== "")
    .map((part) => `, ${part}`)
    .join("");
}

function limitsText({ limits: { cpuCount, memoryBytes } }: PlannedNode): string {
  const cpu = cpuCount === 0 ? "" : `, at most ${cpuCount} processors`;
  return memoryBytes === 0 ? cpu : `${cpu}, at most ${memoryBytes} bytes of memory`;
}

const switchOf = (each: PlannedInterface, plan: Plan): string =>
  plan.switches.find((one) => one.ports.some((port) => port.port === each.port))?.node ?? "";

function interfaceText(each: PlannedInterface, switchName: string): string {
  const far = each.far === "" ? switchName : each.far;
  return (
    `${each.name} index ${each.index}, ${each.address}, ${each.mac}, mtu ${each.mtu}, to ${far}` +
    ` by port ${each.port} index ${each.portIndex}`
  );
}

function linkLines(link: PlannedLink): readonly string[] {
  const { delay, jitter, lossPercent, rateKbit } = link.impairment;
  const impaired = [
    delay > 0 ? `delay ${toMilliseconds(delay)} ms` : "",
    jitter > 0 ? `jitter ${toMilliseconds(jitter)} ms` : "",
    lossPercent > 0 ? `loss ${lossPercent} %` : "",
    rateKbit > 0 ? `rate ${rateKbit} kbit/s` : "",
  ].filter((word) => word !== "");
  const [left, right] = link.ends;
  return [
    `${endText(left)} - ${endText(right)}: bridge ${link.bridge} index ${link.bridgeIndex}, network ${link.subnet}`,
    `  carrier ${link.carrier}${impaired.length === 0 ? "" : `, each way ${impaired.join(", ")}`}`,
  ];
}

const endText = (end: PlannedEnd): string => `${end.node}:${end.interface}`;

/** Nodes with the same settings stand together. */
function settingLines(plan: Plan): readonly string[] {
  const groups = new Map<string, string[]>([[plan.steps.switchboardSysctls.join("\n"), ["switchboard"]]]);
  for (const node of plan.nodes) {
    if (node.kind === "switch") continue;
    const settings = node.sysctls.join("\n");
    groups.set(settings, [...(groups.get(settings) ?? []), node.name]);
  }
  return [...groups].flatMap(([settings, names]) => [
    `In ${names.join(", ")}:`,
    ...settings.split("\n").map((line) => `  ${line}`),
  ]);
}

function commandLines(steps: readonly Step[]): readonly string[] {
  const lines: string[] = [];
  let namespace: string | undefined;
  for (const step of steps) {
    if (step.namespace !== namespace) lines.push(`In ${step.namespace === "" ? "switchboard" : step.namespace}:`);
    namespace = step.namespace;
    lines.push(`  ${step.tool} ${step.line}`);
  }
  return lines;
}

function frrLines(node: PlannedNode): readonly string[] {
  if (node.frr === undefined) return [];
  return [`Daemons: ${node.frr.daemons.join(", ")}`, ...node.frr.configuration.trimEnd().split("\n")];
}

const serviceLines = (node: PlannedNode): readonly string[] =>
  node.service === undefined ? [] : JSON.stringify(node.service, undefined, 2).split("\n");
