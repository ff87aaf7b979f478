// Containers made ahead: while the switchboard and its agent start, the engine has little to do, and the command line has it make
// containers of the last nodes. They are only made, as nothing of a node's folder is there yet. The agent begins with the first nodes; a name
// that it finds taken is that of a container to take over (containers.ts), so neither waits for the other, and either may end at any
// instant: the switchboard, whose label names all of them, is there before.
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { mapBounded } from "../../system/index.js";
import { placesOf } from "../agent/node-files.js";
import { nodeContainer, removeContainer, type LabPlace } from "./containers.js";

/** As many as an engine makes meanwhile on a machine with two processors, one of which is the switchboard's. */
const aheadMax = 24;
const aheadAtOnce = 2;

export interface Ahead {
  /** Begins no more; resolves when none is on its way. */
  readonly stop: () => Promise<void>;
  /** That, and removes those that are made. */
  readonly takeBack: () => Promise<void>;
}

/** Begins at once. `possible` tells which of the kernel settings the engine's kernel has. */
export function makeAhead(
  engine: Docker,
  plan: Plan,
  {
    place,
    possible,
  }: { readonly place: LabPlace; readonly possible: (settings: readonly string[]) => readonly string[] },
): Ahead {
  const named = new Map(plan.nodes.map((node) => [node.name, node]));
  const last = plan.steps.namespaces.slice(-aheadMax).toReversed();
  const nodes = last.flatMap((name) => named.get(name) ?? []);
  const stopping = new AbortController();
  const ids: string[] = [];
  const making = mapBounded(nodes, { limit: aheadAtOnce, signal: stopping.signal }, async (node) => {
    const sysctls = possible(node.sysctls);
    const wanted = nodeContainer(place, node, { places: placesOf(place.directory, node.name), sysctls });
    ids.push((await engine.createContainer(wanted)).id);
  });
  // One that could not be made is met by the agent, too, which says so.
  const made = Promise.allSettled([making]);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await made;
  };
  const takeBack = async (): Promise<void> => {
    await stop();
    for (const id of ids) await removeContainer(engine, id);
  };
  return { stop, takeBack };
}
