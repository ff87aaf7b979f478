// Containers that an agent had asked for when it was ended: the engine goes on to make them, and shows them in no list until they
// are made. Their names are taken from the first moment, so the engine is asked for each name that should be there and is not.
import type Docker from "dockerode";
import { mapBounded } from "../../system/index.js";
import { engineError, statusOf } from "./engine.js";

export interface WantedContainers {
  readonly image: string;
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Which of the names belong to containers that are being made at this moment. */
export async function beingMade(engine: Docker, wanted: WantedContainers): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const found = await mapBounded(wanted.names, { limit: 4, signal }, async (name) => {
    return (await isFree(engine, name, wanted)) || (await isShown(engine, name)) ? [] : [name];
  });
  return found.flat();
}

/** Takes the name and gives it back: the engine refuses one that is taken. Labelled, should we be ended in between. */
async function isFree(engine: Docker, name: string, { image, labels }: WantedContainers): Promise<boolean> {
  try {
    const container = await engine.createContainer({
      name,
      Image: image,
      Cmd: ["true"], // never run: the engine refuses one without, and the node image names none
      Labels: { ...labels },
      NetworkDisabled: true,
    });
    await container.remove({ force: true, v: true });
    return true;
  } catch (error) {
    if (statusOf(error) === 409) return false;
    if (statusOf(error) === 404) return true; // the image has gone: nothing can be made of it
    throw engineError(`Look whether container ${name} is being made`, error);
  }
}

/** A container that can be looked at is made: ours is in the next list, and another's is none of our business. */
async function isShown(engine: Docker, name: string): Promise<boolean> {
  try {
    await engine.getContainer(name).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw engineError(`Look at container ${name}`, error);
  }
}
