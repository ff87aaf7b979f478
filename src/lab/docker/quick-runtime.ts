// Whether containers run under crun here, which starts them at a fraction of runc's cost: tried once, when the node image is made,
// and remembered in its label. Engines know runtimes that cannot run: crun refuses a hybrid of both versions of control groups.
import type Docker from "dockerode";
import { removeContainer } from "./containers.js";
import { dockerFormat, engineError, label, statusOf } from "./engine.js";

const quick = "crun";

/** Its name, or empty where the engine does not know it or a container does not run under it. */
export async function quickRuntime(engine: Docker, image: string): Promise<string> {
  const facts: unknown = await engine.info().catch((error: unknown) => {
    throw engineError("Ask the engine what it has", error);
  });
  const runtimes = typeof facts === "object" && facts !== null && "Runtimes" in facts ? facts.Runtimes : undefined;
  if (typeof runtimes !== "object" || runtimes === null || !(quick in runtimes)) return "";
  const container = await engine.createContainer({
    Image: image,
    Cmd: ["true"],
    Labels: { [label.format]: dockerFormat, [label.role]: "probe" },
    NetworkDisabled: true,
    HostConfig: { NetworkMode: "none", Init: true, Runtime: quick },
  });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { readonly StatusCode: number }; // as the API says
    return StatusCode === 0 ? quick : "";
  } catch (error) {
    if (statusOf(error) === 0) throw engineError("Try a container under crun", error);
    return ""; // the engine says that it cannot
  } finally {
    await removeContainer(engine, container.id);
  }
}

/** What was remembered when an image was made. */
export async function runtimeFor(engine: Docker, image: string): Promise<string> {
  const { Config } = await engine.getImage(image).inspect();
  return Config.Labels?.[label.runtime] ?? "";
}
