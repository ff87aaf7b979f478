// What the rest of the testbed asks of docker. Behind it everything is loaded when it is asked first: the client of the engine's API
// alone takes longer to load than all of ours, and most commands never meet an engine.
import { existsSync } from "node:fs";
import type { Runtime } from "../contract.js";
import { engineAddress } from "./engine-address.js";
import type { Fitness } from "./fitness.js";
import type { ImageOptions } from "./node-image.js";
import { removeAbandonedFolders } from "./making-folder.js";

const runtime = async () => (await import("./runtime.js")).dockerRuntime;

export const dockerRuntime: Runtime = {
  check: async (plan, options) => (await runtime()).check(plan, options),
  begin: async () => (await runtime()).begin(),
  up: async (plan, options) => (await runtime()).up(plan, options),
  attach: async (name) => (await runtime()).attach(name),
  down: async (name) => (await runtime()).down(name),
  list: async () => (noEngineIsThere() ? [] : (await runtime()).list()),
  clean: async () => [
    ...(await removeAbandonedFolders()),
    ...(noEngineIsThere() ? [] : await (await runtime()).clean()),
  ],
};

/** For who chooses a runtime: an engine answers, and labs can be had on it. */
export async function engineFitness(): Promise<Fitness> {
  return (await import("./fitness.js")).engineFitness();
}

/** `testbed images build`: rejects with EnvironmentLacks when there is no engine. */
export async function buildNodeImage(options: ImageOptions): Promise<string> {
  return (await import("./node-image.js")).buildNodeImage(options);
}

/** No engine has made the socket that would be asked; what else may be wrong is said by who asks. */
export function noEngineIsThere(): boolean {
  try {
    const { socketPath } = engineAddress();
    return socketPath !== undefined && !existsSync(socketPath);
  } catch {
    return false; // settings that cannot be used: who asks the engine tells which
  }
}
