// What the kernel must have for a plan, probed in a fresh sandbox before anything is created: a kernel without sch_netem
// must refuse a delay, never ignore it (design 6.9).
import { EnvironmentLacks, OperatingError, tryCommand, type CommandResult } from "../../system/index.js";
import type { Plan } from "../../plan/index.js";

/** A command that succeeds only where the kernel has the thing; it is done to `lo` of a network namespace that is ours alone. */
const probes: Readonly<Record<string, readonly string[]>> = {
  sch_netem: ["qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms", "limit", "10"],
  sch_tbf: ["qdisc", "add", "dev", "lo", "root", "tbf", "rate", "1mbit", "burst", "10kb", "latency", "50ms"],
};

export interface ProbeOptions {
  /** Command that runs what follows in a network namespace of its own, which is gone afterwards. */
  readonly inside: readonly string[];
  readonly signal: AbortSignal;
}

/** As `refuseMissing`, on this machine's kernel. */
export function checkRequirements(plan: Plan, { inside, signal }: ProbeOptions): Promise<void> {
  return refuseMissing(plan, (words) => {
    const [command = "", ...args] = [...inside, ...words];
    return tryCommand(command, args, { signal });
  });
}

/** Rejects with EnvironmentLacks naming each missing feature and the links that ask for it. */
export async function refuseMissing(
  plan: Plan,
  attempt: (command: readonly string[]) => Promise<CommandResult>,
): Promise<void> {
  const missing: string[] = [];
  for (const name of plan.requirements) {
    const probe = probes[name];
    if (probe === undefined) throw new OperatingError(`Probe the kernel for "${name}": no probe known for it`);
    const { exitCode, stderr } = await attempt(["tc", ...probe]);
    if (exitCode === 0) continue;
    missing.push(
      `kernel module ${name}, which ${askers(plan, name)} (tc said "${stderr.trim().split("\n")[0] ?? ""}")`,
    );
  }
  if (missing.length === 0) return;
  throw new EnvironmentLacks(missing, {
    suggestion:
      "use a kernel that has it, take the impairment out, or run inside user-mode-linux; testbed doctor says what is there",
  });
}

function askers(plan: Plan, requirement: string): string {
  const links = plan.topology.links.filter(({ impairment }) => {
    const shaped = impairment.rateKbit > 0;
    const netem = impairment.delay > 0 || impairment.jitter > 0 || impairment.lossPercent > 0;
    return requirement === "sch_tbf" ? shaped : netem;
  });
  const names = links.map(({ endpoints }) => endpoints.map(endpointText).join(" – "));
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${names.length} links ask for (${shown}, …)` : `link ${shown} asks for`;
}

/** The ports of a switch have no names. */
const endpointText = (end: { readonly node: string; readonly interface: string }): string =>
  end.interface === "" ? end.node : `${end.node}:${end.interface}`;
