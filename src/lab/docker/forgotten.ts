// What an engine forgets that is killed in the instant in which it starts a container: it calls the container "created" when it runs
// again, while the container runs, or is about to, and nothing of its API ends it. Its shim is found by the container's id, which stands on
// the shim's command line.
import type Docker from "dockerode";
import { OperatingError } from "../../system/index.js";
import { engineError, messageOf, statusOf } from "./engine.js";

/**
 * Ends the shims of the ids given, which come as arguments, and waits for them and their children. A shim that is told to end takes its
 * socket away; containerd sees that it has gone, and ends the container. That pgrep finds none (its exit code 1) is no failure.
 */
const endShims = `IFS='|'
shims=$(pgrep -f "^[^ ]*containerd-shim[^ ]* (.* )?-id ($*)( |$)") || exit $(($? - 1))
unset IFS
all="$shims $(pgrep -P "$(echo $shims | tr ' ' ,)")"
kill -TERM $shims
for each in $all; do while [ -d "/proc/$each" ]; do sleep 0.02; done; done`;

/** Of an engine under load. */
const endMsMax = 20_000;

export interface Forgotten {
  readonly ids: readonly string[];
  /** With a shell and procps, as node images have them. */
  readonly image: string;
  /** Of the container that looks for them, should we be killed meanwhile. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Ends what runs of containers that the engine calls "created". Rejects with an OperatingError when it does not end, or cannot be looked
 * for; then the container that looks is left, with its labels.
 */
export async function endForgotten(engine: Docker, { ids, image, labels }: Forgotten): Promise<void> {
  const late = AbortSignal.timeout(endMsMax);
  try {
    const sweeper = await engine.createContainer({
      Image: image,
      Cmd: ["sh", "-c", endShims, "sh", ...ids],
      Labels: { ...labels },
      NetworkDisabled: true,
      HostConfig: {
        NetworkMode: "none",
        PidMode: "host", // where shims are
        CapDrop: ["ALL"], // they are root's, as it is
        SecurityOpt: ["apparmor=unconfined"], // the engine's profile lets nobody signal outside
        ReadonlyRootfs: true,
        LogConfig: { Type: "none", Config: {} },
      },
    });
    await sweeper.start();
    const { StatusCode: code } = (await sweeper.wait({ abortSignal: late })) as { readonly StatusCode: number };
    await sweeper.remove({ force: true });
    if (code !== 0) throw new Error(`what looks for them ended with exit code ${code}`);
  } catch (error) {
    if (late.aborted) {
      throw new OperatingError(
        `End what the engine forgot: containers ${ids.join(", ")}, or some, did not end in ${endMsMax} ms`,
        {
          suggestion:
            "pgrep -af containerd-shim   on the engine's machine lists shims; end those of these ids by their pids",
        },
      );
    }
    // 404: the image has gone, and nothing can be run of it.
    if (statusOf(error) !== 404) throw engineError(`End what the engine forgot: ${messageOf(error)}`, error);
  }
}
