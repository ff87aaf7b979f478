// The table of a torture for docs/torture.md: by runtime, command and phase that was reached, how often who was killed there.
import { isGood, readLog, type Line } from "./log.js";
import { phases, type Victim } from "./points.js";

const victims: readonly Victim[] = ["cli", "agent", "node", "dockerd"];

export function tableOf(lines: readonly Line[]): string {
  const rows = [["runtime", "command", "phase reached", ...victims, "left or hurt something", "seconds, median"]];
  for (const runtime of new Set(lines.map((line) => line.runtime))) {
    for (const verb of ["up", "run", "down"] as const) {
      const names = [...phases.filter((phase) => phase.verb === verb).map((phase) => phase.name), "over"];
      for (const name of names) {
        const here = lines.filter((line) => line.runtime === runtime && line.verb === verb && line.reached === name);
        if (here.length === 0 && name === "over") continue;
        const counts = victims.map((victim) => String(here.filter((line) => line.victim === victim).length || ""));
        const bad = here.filter((line) => !isGood(line)).length;
        rows.push([runtime, verb, name, ...counts, String(bad), here.length === 0 ? "" : median(here).toFixed(1)]);
      }
    }
  }
  const [head = [], ...rest] = rows;
  const text = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return `${[text(head), text(head.map(() => "---")), ...rest.map(text)].join("\n")}\n`;
}

/** Phases that nothing was killed in. */
export function phasesMissed(lines: readonly Line[]): readonly string[] {
  const runtimes = [...new Set(lines.map((line) => line.runtime))];
  return runtimes.flatMap((runtime) =>
    phases
      .filter(
        (phase) =>
          !lines.some((line) => line.runtime === runtime && line.verb === phase.verb && line.reached === phase.name),
      )
      .map((phase) => `${runtime} ${phase.verb}: ${phase.name}`),
  );
}

function median(lines: readonly Line[]): number {
  const sorted = lines.map((line) => line.seconds).toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const [, script = "", path] = process.argv;
if (script.endsWith("table.ts")) {
  const { lines } = readLog(path ?? "");
  process.stdout.write(tableOf(lines));
}
