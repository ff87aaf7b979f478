// The image of the docker runtime's nodes. `up` makes it when it is missing; here it can be made ahead of need.
import { buildNodeImage } from "../../lab/index.js";
import { examples } from "../examples.js";
import { print, textOption } from "../output.js";
import type { Register } from "../program.js";
import { progressFromNow } from "../progress.js";

export const registerImages: Register = (program, { interrupt }) => {
  const images = program
    .command("images")
    .description("the image of which a docker lab's containers are made")
    .addHelpText("after", examples("testbed images build"));
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
${examples("testbed images build", "testbed images build -f json | jq -r .image")}`,
    )
    .addOption(textOption())
    .action(async ({ format }) => {
      interrupt.cleansUp("a folder testbed-base-… under the folder of temporary files, which testbed clean removes");
      const reference = await buildNodeImage({ signal: interrupt.signal, progress: progressFromNow() });
      await print(format === "json" ? `${JSON.stringify({ image: reference })}\n` : `${reference}\n`);
    });
};
