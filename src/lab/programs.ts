// Where the programs of the testbed are: beside the bundle that runs (dist/), or under the repository when run from source.
import { basename, dirname, join, relative } from "node:path";

const here = import.meta.dirname;
/** dist/testbed.mjs, dist/agent.mjs and what they start are one folder below the root, src/lab/programs.ts is two. */
const root = basename(here) === "dist" ? dirname(here) : join(here, "..", "..");

export const programs = {
  agent: join(root, "dist", "agent.mjs"),
  service: join(root, "dist", "node.mjs"),
  /** The shared starter of a node (images/node/start). */
  start: join(root, "images", "node", "start"),
  /** First process of a node's container (images/node/hold). */
  hold: join(root, "images", "node", "hold"),
  /** Sources of the orderer with the Go library inside (smartbft-go.ts builds it). */
  interop: join(root, "interop"),
  /** Joins standard input and output with the agent's control socket: the way of a CLI to an agent in a container. */
  relay: join(root, "dist", "relay.mjs"),
  /** Runs a command in a container with this terminal. */
  engineExec: join(root, "dist", "engine-exec.mjs"),
  /** Runs a program that wants to become another user, as the root of an ordinary user's namespace. */
  stayRoot: join(root, "dist", "stay-root.mjs"),
} as const;

/** Where the same programs are in the node image: its tree is that of `programRoot`, what a node needs of it. */
export const programRoot = root;
export const imageRoot = "/opt/testbed";
export const inImage = (path: string): string => join(imageRoot, relative(root, path));
