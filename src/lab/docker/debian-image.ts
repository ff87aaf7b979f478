// The base image FROM a Debian image: the packages are installed by the engine's own build, so this needs neither root nor Linux.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { baseLabels, baseReference, recipe, type Making } from "./base-recipe.js";
import { engineError } from "./engine.js";
import { followed } from "./images.js";

/** Proxies of this process, which a build knows without being told what they are for, and which stay in no layer. */
const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/** policy-rc.d: nothing may start while packages are installed. The lists of packages stay in no layer. */
const dockerfile = (image: string): string => `FROM ${image}
RUN printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && \\
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${recipe.packages.join(" ")} && \\
    rm -rf /usr/sbin/policy-rc.d /var/cache/apt /var/lib/apt/lists /usr/share/doc /usr/share/man
COPY node /usr/local/bin/node
`;

export async function imageFromDebian(
  engine: Docker,
  { image, folder, node }: { readonly image: string; readonly folder: string; readonly node: string },
  { signal, progress }: Making,
): Promise<void> {
  const context = join(folder, "context");
  await mkdir(context);
  await rename(node, join(context, "node"));
  await writeFile(join(context, "Dockerfile"), dockerfile(image));
  progress(`FROM ${image}, and packages from Debian (a minute or two, once)`);
  signal.throwIfAborted();
  const buildargs = Object.fromEntries(
    proxyVariables.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  try {
    const build = await engine.buildImage(
      { context, src: ["Dockerfile", "node"] },
      {
        t: baseReference,
        forcerm: true,
        labels: baseLabels,
        buildargs,
        // An engine may have no bridge (that of our tests has none); the machine's own way to the mirror is there in any case.
        networkmode: "host",
        abortSignal: signal,
      },
    );
    await followed(engine, build);
  } catch (error) {
    signal.throwIfAborted();
    throw engineError(`Build the base image FROM ${image}`, error);
  }
}
