// testbed report, messages: over a results folder that a run has written.
import { Option } from "@commander-js/extra-typings";
import { csvLine, messageCells, messageHeader, messagesMatching, type MessageFilter } from "../../results/index.js";
import { eventsOf, reportOn } from "../../run/index.js";
import { examples } from "../examples.js";
import { conclude } from "../conclusion.js";
import { numberFrom } from "../count.js";
import { formatOption, print, rowsText, textOption, type Format, type Row } from "../output.js";
import type { Register } from "../program.js";
import { repetitionFrom } from "../repetition.js";

export const registerResults: Register = (program) => {
  program
    .command("report")
    .description("analyse a results folder again: CSV files, verdict and summary from its events")
    .argument("<folder>", "results folder")
    .addOption(textOption())
    .addHelpText("after", examples("testbed report results/DIR", "testbed report results/DIR -f json | jq .verdict"))
    .action(async (folder, { format }) => await conclude(folder, await reportOn(folder), format));

  program
    .command("messages")
    .description("messages in and out of replicas, with the decision taken on each and what it caused")
    .argument("<folder>", "results folder")
    .option("--node <node>", "the replica that saw the message")
    .option("--other <node>", "the one it came from or went to")
    .option("--type <type>", "PrePrepare, Prepare, Commit, ViewChange, ViewData, NewView, HeartBeat, …")
    .option("--view <view>", "of this view")
    .option("--sequence <sequence>", "of this sequence")
    .addOption(new Option("--direction <direction>", "as that replica saw it").choices(["in", "out"] as const))
    .option("--run <run>", "which repetition", "1")
    .addOption(formatOption())
    .addHelpText("after", examples("testbed messages results/DIR --node orderer2 --type ViewChange --view 1"))
    .action(async (folder, { run, format, ...filter }) => {
      const number = await repetitionFrom(folder, run);
      await printMessages(folder, number, filterFrom(filter), format);
    });
};

/** CSV goes out as it is read; a table or JSON needs all of it. */
async function printMessages(folder: string, run: number, filter: MessageFilter, format: Format): Promise<void> {
  const matches = messagesMatching(filter);
  const rows: Row[] = [];
  if (format === "csv") await print(`${csvLine(messageHeader)}\n`);
  for await (const event of eventsOf(folder, run)) {
    if (!matches(event)) continue;
    const cells = messageCells(event).map((cell) => cell ?? "");
    if (format === "csv") await print(`${csvLine(cells)}\n`);
    else rows.push(Object.fromEntries(messageHeader.map((name, index) => [name, cells[index] ?? ""])));
  }
  if (format !== "csv") await print(rowsText(messageHeader, rows, format));
}

interface FilterText {
  readonly node?: string | undefined;
  readonly other?: string | undefined;
  readonly type?: string | undefined;
  readonly view?: string | undefined;
  readonly sequence?: string | undefined;
  readonly direction?: "in" | "out" | undefined;
}

const filterFrom = ({ node, other, type, view, sequence, direction }: FilterText): MessageFilter => ({
  ...(node === undefined ? {} : { node }),
  ...(other === undefined ? {} : { other }),
  ...(type === undefined ? {} : { type }),
  ...(view === undefined ? {} : { view: numberFrom(view, "view") }),
  ...(sequence === undefined ? {} : { sequence: numberFrom(sequence, "sequence") }),
  ...(direction === undefined ? {} : { direction }),
});
