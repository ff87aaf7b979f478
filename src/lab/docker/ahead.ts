// Containers made ahead: while the agent starts, the engine has nothing to do, and the command line has it make containers of the last
// nodes. They are only made, as nothing of a node's folder is there yet. The agent begins with the first nodes; a name that it finds
// taken is that of a container to take over (containers.ts), so neither waits for the other, and either may end at any instant.
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { mapBounded } from "../../system/index.js";
import { placesOf } from "../agent/node-files.js";
import { nodeContainer, type LabPlace } from "./containers.js";

/** As many as an engine makes while an agent starts, on a machine with two processors, one of which is the agent's. */
const aheadMax = 16;
const aheadAtOnce = 2;

/** Resolves when they are made, or the first could not be: the agent meets what was in the way, and says so. */
export async function makeAhead(
  engine: Docker,
  plan: Plan,
  {
    place,
    possible,
    signal,
  }: {
    readonly place: LabPlace;
    /** Which of the kernel settings the engine's kernel has. */
    readonly possible: (settings: readonly string[]) => readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const named = new Map(plan.nodes.map((node) => [node.name, node]));
  const last = plan.steps.namespaces.slice(-aheadMax).toReversed();
  const nodes = last.flatMap((name) => named.get(name) ?? []);
  const making = mapBounded(nodes, { limit: aheadAtOnce, signal }, (node) => {
    const sysctls = possible(node.sysctls);
    return engine.createContainer(
      nodeContainer(place, node, { places: placesOf(place.directory, node.name), sysctls }),
    );
  });
  await Promise.allSettled([making]);
}
