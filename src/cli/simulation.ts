// The simulator made to fit what `run` needs: one repetition as a stream of events, in virtual time and in this process.
import { setImmediate } from "node:timers/promises";
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";
import type { Execute } from "../run/index.js";
import type { Experiment } from "../spec/index.js";
import { costsFrom, defaultCosts, refusalsFor, World, type Costs } from "../sim/index.js";
import { UserError } from "../system/index.js";
import { readUserFile } from "./files.js";
import { say } from "./output.js";

export async function costsOf(path: string | undefined): Promise<Costs> {
  if (path === undefined) return defaultCosts;
  const costs = costsFrom(await readUserFile(path, "costs"));
  if (!("problem" in costs)) return costs;
  throw new UserError(`Cannot read "${path}": ${costs.problem}`, {
    suggestion: "testbed calibrate writes such a file",
  });
}

/** Throws `UserError` naming what cannot run in virtual time. */
export function refuseWhatCannotBeSimulated(plan: Plan, experiment: Experiment): void {
  const refusals = refusalsFor(plan, experiment);
  if (refusals.length === 0) return;
  throw new UserError(
    refusals.map((each) => `Cannot simulate ${experiment.name} on ${plan.topology.name}: ${each}`).join("\n"),
    {
      suggestion: "run it with --runtime netns",
    },
  );
}

export function executionInSimulator(options: { readonly costs: Costs; readonly messageTrace: boolean }): Execute {
  return async function* execute(plan, experiment, seed, { signal }): AsyncGenerator<Event, void, undefined> {
    const startedAt = performance.now();
    const versions = { node: process.version };
    const world = new World(plan, experiment, seed, { ...options, versions, wallTime: new Date().toISOString() });
    let count = 0;
    while (!world.over) {
      const events = world.advance();
      world.record(events);
      count += events.length;
      yield* events;
      await setImmediate();
      signal.throwIfAborted();
    }
    const realMs = performance.now() - startedAt;
    const text = `trace ${world.trace} of ${count} events, seed ${seed}; ${(world.now / 1e6).toFixed(1)} s in ${(realMs / 1e3).toFixed(1)} s`;
    say(`  ${text}`);
    yield { kind: "log", at: world.now, node: "", process: "simulator", text };
  };
}
