// What FRR of a node that stays is told when its links or static routes change: the lines of its new configuration that are
// new, and `no` before those that are gone. Everything else in it is the same for the life of a lab (change-refusals.ts).
import type { Plan } from "./plan.js";

export interface FrrChange {
  readonly node: string;
  /** Its static routes change; without it only its interfaces do. */
  readonly routes: boolean;
  /** Lines of `configure terminal`: first when links have gone, then when those that come are there. */
  readonly removing: readonly string[];
  readonly adding: readonly string[];
  /** The whole new frr.conf, for the next start. */
  readonly configuration: string;
}

export function frrChanges(before: Plan, after: Plan): readonly FrrChange[] {
  return after.nodes.flatMap((node) => {
    const old = before.nodes.find((each) => each.name === node.name);
    if (old?.frr === undefined || node.frr === undefined || old.frr.configuration === node.frr.configuration) return [];
    const [present, wanted] = [interfaceSections(old.frr.configuration), interfaceSections(node.frr.configuration)];
    const gone = [...present].filter(([name, lines]) => wanted.get(name)?.join("\n") !== lines.join("\n"));
    const come = [...wanted].filter(([name, lines]) => present.get(name)?.join("\n") !== lines.join("\n"));
    const [oldRoutes, newRoutes] = [routeLines(old.frr.configuration), routeLines(node.frr.configuration)];
    const routesGone = oldRoutes.filter((line) => !newRoutes.includes(line));
    const routesCome = newRoutes.filter((line) => !oldRoutes.includes(line));
    return [
      {
        node: node.name,
        routes: routesGone.length + routesCome.length > 0,
        removing: [...routesGone.map((line) => `no ${line}`), ...gone.map(([name]) => `no interface ${name}`)],
        adding: [...come.flatMap(([, lines]) => lines), ...routesCome],
        configuration: node.frr.configuration,
      },
    ];
  });
}

const sectionsOf = (configuration: string): readonly (readonly string[])[] =>
  configuration.split("\n!\n").map((section) => section.split("\n").map((line) => line.trim()));

/** By interface: its lines, from `interface NAME` to `exit`. */
function interfaceSections(configuration: string): ReadonlyMap<string, readonly string[]> {
  const sections = sectionsOf(configuration).filter(([first = ""]) => first.startsWith("interface "));
  return new Map(sections.map((lines) => [(lines[0] ?? "").slice("interface ".length), lines]));
}

const routeLines = (configuration: string): readonly string[] =>
  sectionsOf(configuration)
    .flat()
    .filter((line) => line.startsWith("ip route "));

/** The configuration without what may change in place: when this differs, FRR must be started anew. */
export const frrBasis = (configuration: string): string =>
  sectionsOf(configuration)
    .filter(([first = ""]) => !first.startsWith("interface ") && !/^(ip route |! no routes)/.test(first))
    .flat()
    .join("\n");
