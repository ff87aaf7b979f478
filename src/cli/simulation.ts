// The simulator made to fit what `run` needs: one repetition as a stream of events, in virtual time and in this process.
import { setImmediate } from "node:timers/promises";
import type { Event } from "../boundary/index.js";
import type { Execute } from "../run/index.js";
import { placesIn } from "../spec/index.js";
import { costsFrom, defaultCosts, refusalsFor, World, type Costs } from "../sim/index.js";
import { UserError } from "../system/index.js";
import { readUserFile } from "./files.js";
import type { LoadedExperiment } from "./load.js";
import { say } from "./output.js";

export async function costsOf(path: string | undefined): Promise<Costs> {
  if (path === undefined) return defaultCosts;
  const costs = costsFrom(await readUserFile(path, "costs"));
  if (!("problem" in costs)) return costs;
  throw new UserError(`Cannot read "${path}": ${costs.problem}`, {
    suggestion: "testbed calibrate writes such a file",
  });
}

/** Throws `UserError` naming what cannot run in virtual time, and where the topology's file says so. */
export function refuseWhatCannotBeSimulated({ plan, text, topologyPath }: LoadedExperiment): void {
  const placeOf = placesIn(text, topologyPath);
  const problems = refusalsFor(plan).map(({ at, message }) => ({
    position: placeOf(at),
    path: at.join("."),
    message: `Cannot be simulated: ${message}`,
    suggestion: "run it with --runtime netns",
  }));
  const inOrder = problems.toSorted((left, right) => left.position.line - right.position.line);
  if (problems.length > 0) throw UserError.from(inOrder);
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
