// The image of the docker runtime's nodes. `up` makes it when it is missing; here it can be made ahead of need.
import { buildNodeImage } from "../../lab/index.js";
import { print } from "../output.js";
import type { Register } from "../program.js";
import { progressFromNow } from "../progress.js";

export const registerImages: Register = (program, { interrupt }) => {
  const images = program.command("images").description("the image of which a docker lab's containers are made");
  images
    .command("build")
    .description(
      "make the node image when it is missing or of other sources: FROM a Debian image where the engine has or reaches one, else by debootstrap, as root",
    )
    .addHelpText(
      "after",
      `
The engine is the docker client's: DOCKER_HOST, DOCKER_CONTEXT or its current context.
TESTBED_DEBIAN_IMAGE names another Debian image than Docker's own, like one of a mirror.

Examples:
  testbed images build
  TESTBED_DEBIAN_IMAGE=registry.example/debian:bookworm-slim testbed images build`,
    )
    .action(async () => {
      interrupt.cleansUp("a folder testbed-base-… under the folder of temporary files");
      const reference = await buildNodeImage({ signal: interrupt.signal, progress: progressFromNow() });
      await print(`${reference}\n`);
    });
};
