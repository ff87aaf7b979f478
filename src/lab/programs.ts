// Where the programs of the testbed are: beside the bundle that runs (dist/), or under the repository when run from source.
import { basename, dirname, join } from "node:path";

const here = import.meta.dirname;
/** dist/testbed.mjs and dist/agent.mjs are one folder below the root, src/lab/programs.ts is two. */
const root = basename(here) === "dist" ? dirname(here) : join(here, "..", "..");

export const programs = {
  agent: join(root, "dist", "agent.mjs"),
  service: join(root, "dist", "node.mjs"),
  /** The shared starter of a node (images/node/start). */
  start: join(root, "images", "node", "start"),
} as const;
