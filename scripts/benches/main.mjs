// scripts/bench WHAT: runs one bench and prints its table; with --markdown it also replaces that table in docs/performance.md, with
// the commit, the machine and the command it is of. What is around the tables there is written by hand and stays.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { containers } from "./containers.mjs";
import { faults } from "./faults.mjs";
import { growth } from "./growth.mjs";
import { links } from "./links.mjs";
import { memory } from "./memory.mjs";
import { routers } from "./routers.mjs";
import { Interrupted, toItsEnd } from "./shared.mjs";

const document = "docs/performance.md";

const options = process.argv.slice(2).filter((word) => word.startsWith("--"));
const [what, ...numbers] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const [first, second, third] = numbers.map(Number);

const benches = {
  links: () => links({ nodes: first ?? 200, links: second ?? 200, times: third ?? 5, withMininet: options.includes("--mininet") }),
  routers: () => routers({ count: first ?? 50, times: second ?? 5 }),
  containers: () => containers({ count: first ?? 50, times: second ?? 5 }),
  faults: () => faults({ runtime: options.includes("--docker") ? "docker" : "netns", times: first ?? 1 }),
  memory: () => memory(),
  growth: () => growth({ times: first ?? 3 }),
};
const bench = benches[what];
if (bench === undefined) {
  process.stderr.write(`bench: there is no "${what}"; expected one of ${Object.keys(benches).join(", ")}\n`);
  process.exit(2);
}

/** Of other things, as the bench itself has hardly begun: a load above the count of processors makes absolute times longer. */
const loadBefore = loadavg()[0];
const result = await toItsEnd(bench).catch((error) => {
  if (error instanceof Interrupted) process.exit(130);
  throw error;
});
process.stdout.write(`${result.title}\n${textOf(result)}\n`);
if (options.includes("--markdown")) publish(result);

function textOf({ columns, rows, notes = [] }) {
  const all = [columns, ...rows].map((cells) => cells.map(String));
  const widths = columns.map((_, index) => Math.max(...all.map((cells) => cells[index].length)));
  const pad = (cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index]));
  return [...all.map((cells) => cells.map(pad).join("   ")), ...notes].join("\n");
}

function markdownOf({ title, columns, rows, notes = [] }) {
  const command = ["scripts/bench", ...process.argv.slice(2).filter((word) => word !== "--markdown")].join(" ");
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    `**${title}.** \`${command}\`, commit ${commit()}, ${machine()}:`,
    "",
    line(columns),
    line(columns.map((_, index) => (index === 0 ? "---" : "---:"))),
    ...rows.map(line),
    ...(notes.length > 0 ? ["", notes.join("  \n")] : []),
  ].join("\n");
}

function publish(result) {
  const key = [what, ...numbers, ...options.filter((word) => word === "--docker")].join(" ");
  const [begin, end] = [`<!-- ${key} -->`, `<!-- end of ${key} -->`];
  const text = readFileSync(document, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${document} has no place for this table: expected "${begin}" and "${end}"`);
  writeFileSync(document, `${text.slice(0, from)}${begin}\n${markdownOf(result)}\n${text.slice(to)}`);
}

function commit() {
  const git = (...words) => execFileSync("git", words, { encoding: "utf8" }).trim();
  const isDirty = git("status", "--porcelain", "--untracked-files=no", "--", "src", "images", "scripts") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${isDirty ? " and uncommitted changes" : ""}`;
}

function machine() {
  const { model } = cpus()[0];
  return `${cpus().length} processors (${model.trim()}) at load ${loadBefore.toFixed(1)} before it, Linux ${release()}, Node ${process.versions.node}`;
}
