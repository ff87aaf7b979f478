// What each daemon of FRR reads by itself when it starts: its part of a node's whole configuration, as a daemon refuses lines of
// another's. Which daemon takes which line vtysh knows too, but a vtysh for each node costs more processor time than a daemon.

/** By how a section of `frrFor` begins, who takes it; others are for all, so that a line which nobody knows is refused. */
const takers: Readonly<Record<string, readonly string[]>> = {
  interface: ["zebra", "ospfd"],
  router: ["ospfd"],
  "route-map": ["zebra"],
  ip: ["zebra", "staticd"],
  bfd: ["bfdd"],
};

/** Lines within a section that only one of its takers knows. */
const onlyOf: readonly (readonly [line: RegExp, daemon: string])[] = [
  [/^ ip ospf /, "ospfd"],
  [/^ip protocol /, "zebra"],
  [/^ip route /, "staticd"],
  [/^service integrated-vtysh-config$/, "vtysh"],
];

/**
 * The daemon's part of `configuration`. Its last lines tell who waits that all before them was read: `log file` opens what it names
 * at once, first /run/frr/DAEMON.read, a pipe of images/node/start, then what the configuration asks for.
 */
export function frrPart(daemon: string, configuration: string): string {
  const takes = (line: string): boolean => onlyOf.every(([pattern, only]) => only === daemon || !pattern.test(line));
  const sections = configuration
    .replace(/\n(?:!\n)?end\n$/, "")
    .split("\n!\n")
    .map((section) => section.split("\n"))
    .filter(([first = ""]) => takers[first.split(" ")[0] ?? ""]?.includes(daemon) ?? true)
    .map((lines) => lines.filter(takes));
  const lines = sections.flat();
  const log = lines.find((line) => line.startsWith("log file ")) ?? "no log file";
  return [...lines, `log file /run/frr/${daemon}.read`, log, "end", ""].join("\n");
}
