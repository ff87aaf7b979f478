// testbed link A B: both ends of a link as the kernel has them, beside what the plan asks for.
import type { EndTruth, LabStatus, RunningLab } from "../../lab/index.js";
import { UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { labOption, theLab } from "../labs.js";
import { formatOption, print, rowsText } from "../output.js";
import type { Register } from "../program.js";

const columns = ["endpoint", "what", "asked", "kernel", "differs"] as const;

export const registerLink: Register = (program) => {
  program
    .command("link")
    .description("a link's two ends in the kernel (state, addresses, queue, counters) and what is asked of them")
    .argument("<end>", "a node or an endpoint: r1, r1:eth1")
    .argument("[other]", "the other end; without it, every link of the first")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText("after", examples("testbed link r1 r2", "testbed link orderer1:eth1 -f json | jq '.[].ends[].rows'"))
    .action(async (end, other, { lab: name, format }) => {
      await using lab = await theLab(name);
      const { links } = await lab.status();
      const chosen = linksBetween(links, end, other);
      if (chosen.length === 0) throw noSuchLink(links, end, other);
      const truths = await truthsOf(lab, chosen);
      if (format === "json") return await print(`${JSON.stringify(truths, null, 2)}\n`);
      const rows = truths.flatMap(({ ends }) => ends.flatMap(rowsOf));
      await print(rowsText(columns, rows, format));
    });
};

type Links = LabStatus["links"];

interface Looked {
  readonly link: string;
  /** Numbers of the faults in effect at its ends. */
  readonly faults: readonly number[];
  readonly ends: readonly EndTruth[];
}

async function truthsOf(lab: RunningLab, links: Links): Promise<readonly Looked[]> {
  const looked: Looked[] = [];
  for (const { ends, faults } of links) {
    looked.push({ link: ends.join(" - "), faults, ends: await lab.link(ends) });
  }
  return looked;
}

function linksBetween(links: Links, end: string, other: string | undefined): Links {
  const isAt = (place: string, asked: string): boolean => place === asked || place.split(":")[0] === asked;
  return links.filter(({ ends: [left, right] }) => {
    if (other === undefined) return isAt(left, end) || isAt(right, end);
    return (isAt(left, end) && isAt(right, other)) || (isAt(left, other) && isAt(right, end));
  });
}

function noSuchLink(links: Links, end: string, other: string | undefined): UserError {
  const own = linksBetween(links, end.split(":")[0] ?? end, undefined).map(({ ends }) => ends.join(" - "));
  const what =
    other === undefined ? `There is no link at "${end}"` : `There is no link between "${end}" and "${other}"`;
  const shown = own.length > 0 ? own : links.map(({ ends }) => ends.join(" - "));
  return new UserError(`${what} in this lab`, { suggestion: `links: ${shown.slice(0, 12).join(", ")}` });
}

const rowsOf = ({ endpoint, rows }: EndTruth): readonly Record<(typeof columns)[number], string | number>[] =>
  rows.map(({ what, asked, kernel, differs }) => ({
    endpoint,
    what,
    asked,
    kernel,
    differs: differs ? "differs" : "",
  }));
