// testbed up TOPOLOGY: brings a lab up; where a lab of that name runs, says how it differs from the file and changes it.
import type { Beginning, LabSummary } from "../../lab/index.js";
import {
  changeCommandsText,
  changesBetween,
  changesText,
  isUnchanged,
  type Plan,
  type PlanChanges,
  refusalText,
} from "../../plan/index.js";
import { UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { labLeft } from "../interrupt.js";
import { allLabs, theLab } from "../labs.js";
import { loadTopology } from "../load.js";
import { print, say, textOption, type TextFormat } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Context, Register } from "../program.js";
import { progressLine } from "../progress.js";
import { chosenRuntime, foreseenRuntime, runtimeLine, runtimeOption, type RuntimeChoice } from "../runtime-option.js";

interface Asked {
  readonly seed?: string | undefined;
  readonly runtime?: RuntimeChoice | undefined;
  readonly dryRun: boolean;
  readonly format: TextFormat;
}

const seedDefault = "1";

export const registerUp: Register = (program, context) => {
  program
    .command("up")
    .description(
      "bring a lab up, or change the one that runs into what the file says; returns when every service answers",
    )
    .argument("<topology>", "topology file")
    .addOption(profileOption())
    .option("-n, --name <name>", "name of the lab, in place of the topology's")
    .option("--seed <seed>", `seed of everything that is drawn (default "${seedDefault}")`)
    .addOption(runtimeOption())
    .option("--dry-run", "say what would be done, and do nothing", false)
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed up topologies/bft4-ring.yaml && testbed status && testbed down",
        "testbed up topologies/bft4-ring.yaml --dry-run     # how the lab that runs differs from the file",
      ),
    )
    .action(async (file, { profile, name, ...asked }) => {
      // While the topology is read and planned a processor is free to start what every lab needs.
      await using beginning = asked.dryRun ? undefined : await foreseenRuntime(asked.runtime)?.begin?.();
      const { plan } = await loadTopology(file, { profile, name });
      const running = (await allLabs()).find((lab) => lab.name === plan.lab && lab.alive);
      if (running !== undefined) return await reconcile(plan, running, asked);
      if (asked.dryRun) return await printCreation(plan, asked.format);
      await create(plan, { ...asked, beginning }, context);
    });
};

async function create(
  plan: Plan,
  { seed = seedDefault, runtime: choice, format, beginning }: Asked & { readonly beginning: Beginning | undefined },
  context: Context,
): Promise<void> {
  const { interrupt } = context;
  const chosen = await chosenRuntime(choice);
  interrupt.cleansUp(labLeft(plan.lab));
  const options = { seed, beginning, messageTrace: true, progress: progressLine, signal: interrupt.signal };
  await using lab = await chosen.runtime.up(plan, options);
  interrupt.settle();
  if (interrupt.interrupted) return await lab.down();
  if (format === "json") await printCreation(plan, format);
  say(`lab ${lab.name} is up: testbed status, testbed fault, testbed down\n  ${runtimeLine(chosen)}`);
}

async function reconcile(plan: Plan, running: LabSummary, { seed, runtime, dryRun, format }: Asked): Promise<void> {
  if (runtime !== undefined && runtime !== "auto" && runtime !== running.runtime) {
    throw new UserError(`Lab "${plan.lab}" runs in runtime ${running.runtime}: cannot move it to ${runtime}`, {
      suggestion: `end it with   testbed down --lab ${plan.lab}   or give this one another name with --name`,
    });
  }
  await using lab = await theLab(plan.lab);
  const now = await lab.plan();
  if (seed !== undefined && seed !== now.seed) {
    throw new UserError(`Lab "${plan.lab}" runs with seed "${now.seed}": cannot change it to "${seed}"`, {
      suggestion: "the seed is drawn from at the start of every node: testbed down, then testbed up",
    });
  }
  const changes = changesBetween(now.plan, plan);
  if (changes.refused.length > 0) throw new UserError(refusalText(changes));
  await printChanges(changes, { dryRun, format });
  if (isUnchanged(changes) || dryRun) return;
  await (await chosenRuntime(running.runtime)).runtime.check(plan, { signal: new AbortController().signal });
  await lab.reconcile(plan, progressLine);
  say(`lab ${lab.name} is as the file says`);
}

async function printChanges(changes: PlanChanges, { dryRun, format }: Pick<Asked, "dryRun" | "format">): Promise<void> {
  if (format === "json") return await print(`${JSON.stringify(changes, null, 2)}\n`);
  await print(changesText(changes) + (dryRun ? changeCommandsText(changes) : ""));
}

/** What an empty lab lacks: for a lab that does not run yet. */
async function printCreation(plan: Plan, format: TextFormat): Promise<void> {
  const facts = { lab: plan.lab, nodes: plan.nodes.map((node) => node.name), links: plan.topology.links.length };
  if (format === "json") return await print(`${JSON.stringify({ created: facts }, null, 2)}\n`);
  await print(
    `lab ${plan.lab} does not run: it would come up with ${facts.nodes.length} nodes and ${facts.links} links; see: testbed plan\n`,
  );
}
