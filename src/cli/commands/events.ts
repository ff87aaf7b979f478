// testbed events: what happened, line by line, of a lab that runs (also while it runs) or of a results folder.
import { existsSync } from "node:fs";
import { Option } from "@commander-js/extra-typings";
import { type Event, type EventKind, eventKinds } from "../../boundary/index.js";
import { eventsOf } from "../../run/index.js";
import { repetitionFrom } from "../repetition.js";
import { UserError } from "../../system/index.js";
import { eventColumns, eventRow } from "../event-row.js";
import { examples } from "../examples.js";
import { theLab } from "../labs.js";
import { print, say } from "../output.js";
import type { Context, Register } from "../program.js";

interface Choices {
  readonly follow: boolean;
  readonly run?: string | undefined;
}

export const registerEvents: Register = (program, context) => {
  program
    .command("events")
    .description("the events of a lab or of a results folder: one a line, as they come with --follow")
    .argument("[what]", "name of a lab, or a results folder; without it, the only lab that runs")
    .option("--follow", "go on as events come, until the lab goes", false)
    .addOption(new Option("--kind <kind...>", "only events of these kinds").choices(eventKinds))
    .option("--node <node...>", "only events of these nodes")
    .option("--run <run>", "which repetition of a results folder (default 1)")
    .addOption(
      new Option("-f, --format <format>", "table, or json: one object a line (docs/commands.md)")
        .choices(["table", "json"] as const)
        .default("table" as const),
    )
    .addHelpText(
      "after",
      examples(
        "testbed events --follow --kind fault link step",
        "testbed events results/DIR --run 2 --node orderer1 -f json | jq .kind",
      ),
    )
    .action(async (what, { kind, node, format, ...choices }) => {
      const wanted = filterFor(kind, node);
      let first: Event | undefined;
      for await (const event of eventsFrom(what, choices, context)) {
        if (first === undefined && format === "table") await print(`${eventColumns}\n`);
        first ??= event;
        if (!wanted(event)) continue;
        await print(format === "json" ? `${JSON.stringify(event)}\n` : `${eventRow(event, first.at)}\n`);
      }
    });
};

function filterFor(
  kinds: readonly EventKind[] | undefined,
  nodes: readonly string[] | undefined,
): (event: Event) => boolean {
  return (event) =>
    (kinds === undefined || kinds.includes(event.kind)) && (nodes === undefined || nodes.includes(event.node));
}

async function* eventsFrom(what: string | undefined, choices: Choices, { interrupt }: Context): AsyncGenerator<Event> {
  // A lab's name has neither dot nor slash (spec); a folder of that name here means the folder, as for testbed graph.
  if (what !== undefined && (/[./]/.test(what) || existsSync(what))) return yield* eventsInFolder(what, choices);
  if (choices.run !== undefined) throw new UserError("Cannot use --run with a lab: it has one stream of events");
  await using lab = await theLab(what);
  yield* lab.events({ fromByte: 0, signal: interrupt.signal, until: choices.follow ? "gone" : "now" });
  if (choices.follow) say(`lab ${lab.name} is gone`);
}

async function* eventsInFolder(folder: string, { follow, run }: Choices): AsyncGenerator<Event> {
  if (follow) {
    throw new UserError(`Cannot follow "${folder}": a results folder is written in pieces`, {
      suggestion: "follow the lab of the run, by its name: testbed events LAB --follow",
    });
  }
  yield* eventsOf(folder, await repetitionFrom(folder, run));
}
