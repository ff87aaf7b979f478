// testbed fault KIND TARGET, fault list, heal: faults typed by hand, each confirmed by the kernel or the engine.
import { Option } from "@commander-js/extra-typings";
import type { FaultKind } from "../../boundary/index.js";
import type { FaultStatus } from "../../lab/index.js";
import { misbehaviours } from "../../smartbft/index.js";
import { durationFrom, expectedUnit, parseTarget } from "../../spec/index.js";
import { UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { CheckFailed } from "../exit.js";
import { labOption, theLab } from "../labs.js";
import { formatOption, print, rowsText, say, type Format } from "../output.js";
import type { Register } from "../program.js";

const nodeFaults: readonly (readonly [Exclude<FaultKind, "interface-down">, string])[] = [
  ["process-kill", "SIGKILL a node's service; healed, it is started again from what its disk holds"],
  ["process-pause", "SIGSTOP a node's service until healed"],
  ["frr-kill", "SIGKILL a node's routing daemons; healed, they are started again"],
  ["node-stop", "end a whole node in order, its network included; healed, it begins again"],
  ["node-kill", "SIGKILL everything in a node, its network included; healed, it begins again"],
  ["node-pause", "freeze everything in a node until healed; its kernel goes on to answer"],
  ["node-restart", "end a whole node in order and begin it again at once"],
];

const columns = ["fault", "what", "how", "target", "asked", "state"] as const;

export const registerFault: Register = (program, context) => {
  const fault = program
    .command("fault")
    .description("break something, and see that it is broken")
    .addHelpText(
      "after",
      examples("testbed fault interface-down leader --how blackhole --for 10s", "testbed fault list"),
    );
  fault
    .command("interface-down")
    .description("take an interface down in one of four ways")
    .argument("<target>", "orderer1:eth1, leader, follower[2]:eth1, …")
    .addOption(
      new Option(
        "--how <how>",
        "admin: its own end; carrier: the cable; blackhole: frames vanish; one-way: what it sends vanishes",
      )
        .choices(["admin", "carrier", "blackhole", "one-way"] as const)
        .default("admin" as const),
    )
    .option("--for <duration>", "heal after this long, like 10s")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText("after", examples("testbed fault interface-down leader --how blackhole --for 10s"))
    .action(async (target, { how, for: duration, lab, format }) => {
      await inject({ what: "interface-down", how, target, duration, lab, format });
    });
  for (const [what, description] of nodeFaults) {
    const command = fault
      .command(what)
      .description(description)
      .argument("<target>", "orderer1, r1, leader, follower[2], …")
      .addOption(labOption())
      .addOption(formatOption());
    if (what === "node-restart") {
      command
        .addHelpText("after", examples("testbed fault node-restart follower"))
        .action(async (target, { lab, format }) => {
          await inject({ what, how: "", target, duration: undefined, lab, format });
        });
      continue;
    }
    command
      .option("--for <duration>", "heal after this long, like 10s")
      .addHelpText("after", examples(`testbed fault ${what} follower --for 10s`))
      .action(async (target, { for: duration, lab, format }) => {
        await inject({ what, how: "", target, duration, lab, format });
      });
  }
  fault
    .command("byzantine")
    .description("make an orderer misbehave; it says so in its events")
    .argument("<target>", "orderer1, leader, follower[2], …")
    .addOption(
      new Option("--how <how>", "in which way; docs/byzantine.md says of each what it does")
        .choices(misbehaviours)
        .makeOptionMandatory(),
    )
    .option("--for <duration>", "heal after this long, like 10s")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText("after", "\nExample:\n  testbed fault byzantine leader --how equivocate --for 10s")
    .action(async (target, { how, for: duration, lab, format }) => {
      await inject({ what: "byzantine", how, target, duration, lab, format });
    });
  fault
    .command("list")
    .description("faults of this lab, the healed ones too")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples("testbed fault list", "testbed fault list -f json | jq '.[] | select(.state == \"effective\")'"),
    )
    .action(async ({ lab: name, format }) => {
      await using lab = await theLab(name);
      await printFaults(await lab.faults(), format);
    });
  registerHeal(program, context);
};

const registerHeal: Register = (program) => {
  program
    .command("heal")
    .description("undo one fault, or all of them")
    .argument("[fault]", "number from: testbed fault list")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText("after", examples("testbed heal", "testbed heal 2"))
    .action(async (fault, { lab: name, format }) => {
      const which = fault === undefined ? 0 : Number(fault);
      if (fault !== undefined && !/^[1-9]\d{0,8}$/.test(fault)) {
        throw new UserError(`Cannot heal "${fault}": expected the number of a fault`, {
          suggestion: "see: testbed fault list",
        });
      }
      await using lab = await theLab(name);
      const faults = await lab.heal(which);
      await printFaults(faults, format);
      if (faults.some((each) => each.state === "failed" && which !== 0)) throw new CheckFailed();
    });
};

interface Asked {
  readonly what: FaultKind;
  readonly how: FaultStatus["how"];
  readonly target: string;
  readonly duration: string | undefined;
  readonly lab: string | undefined;
  readonly format: Format;
}

async function inject(asked: Asked): Promise<void> {
  const target = parseTarget(asked.target);
  if (target.kind === "bad") throw new UserError(target.message, { suggestion: target.suggestion });
  const healAfterUs = asked.duration === undefined ? 0 : durationFrom(asked.duration);
  if (healAfterUs === undefined)
    throw new UserError(`Cannot use --for "${asked.duration}": expected ${expectedUnit.duration}`);
  await using lab = await theLab(asked.lab);
  const faults = await lab.fault({ do: "fault", what: asked.what, how: asked.how, target: asked.target, healAfterUs });
  await printFaults(faults, asked.format);
  if (faults.length === 0 || faults.some((fault) => fault.state === "failed")) throw new CheckFailed();
}

async function printFaults(faults: readonly FaultStatus[], format: Format): Promise<void> {
  const rows = faults.map(({ fault, what, how, target, asked, state, detail }) => {
    return { fault, what, how, target, asked, state, detail };
  });
  await print(rowsText(columns, rows, format));
  for (const { fault, target, state, detail } of faults)
    if (state === "failed") say(`testbed: Fault ${fault} failed at ${target}: ${detail}`);
}
