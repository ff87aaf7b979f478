// What every file of docker tests begins and ends with: the tests' engine, a state folder of its own, the image of the programs as
// they are now.
import { afterAll, afterEach, beforeAll, inject } from "vitest";
import { buildNodeImage, dockerRuntime, type RunningLab } from "../../src/lab/index.js";
import type { Plan } from "../../src/plan/index.js";
import { buildPrograms, ownStateFolder } from "../netns/a-lab.js";

/** Why there is no engine to test with; empty when there is one. */
export const noEngine = inject("noEngine");
export const { signal } = new AbortController();
/** Reference of the node image, once `beforeAll` is over. */
export let image = "";

export function onEngine(): void {
  let removeState = (): void => undefined;
  beforeAll(async () => {
    if (noEngine !== "") return;
    process.env["DOCKER_HOST"] = inject("engine");
    removeState = ownStateFolder();
    buildPrograms();
    image = await buildNodeImage({ signal, progress: () => undefined });
  }, 600_000);
  // A test that fails leaves its lab to nobody: the next one begins with none.
  afterEach(async () => {
    if (noEngine !== "") return;
    for (const { name, alive } of await dockerRuntime.list()) {
      if (!alive) continue;
      await using lab = await dockerRuntime.attach(name);
      await lab.down();
    }
    await dockerRuntime.clean();
  }, 60_000);
  afterAll(() => removeState());
}

export const up = (plan: Plan): Promise<RunningLab> =>
  dockerRuntime.up(plan, { seed: "1", messageTrace: true, progress: () => undefined, signal });
