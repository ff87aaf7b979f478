// The CSV files: the document and the headers say the same, every row is as wide as its header, and the text is CSV.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvLine } from "./csv.js";
import { csvFiles } from "./csv-files.js";
import { messageCells, messageHeader, messagesMatching } from "./messages.js";
import { RunFold } from "./run-fold.js";
import type { RunResult } from "./run-result.js";
import { spreadOf } from "./statistics.js";
import { leaderDown } from "./story.js";
import { contextFor } from "./story-context.js";
import { summaryText } from "./summary.js";
import { timelineSvg } from "./timeline-svg.js";
import { verdictOf } from "./verdict.js";

const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", "results.md"), "utf8");

/** Names in the first column of the table under `## name`, in order. */
function columnsDescribed(name: string): readonly string[] {
  const section = text.split(`\n## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
  const firstCells = section
    .split("\n")
    .flatMap((line) => (line.startsWith("| `") ? [line.split(" | ")[0] ?? ""] : []));
  return firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));
}

function run(number: number, detectionExtraMs = 0): RunResult {
  const options = { detectionExtraMs };
  const fold = new RunFold({ ...contextFor(options), run: number });
  for (const event of leaderDown(options)) fold.observe(event);
  return fold.finish();
}

const result = run(1);

describe("docs/results.md", () => {
  it.each(csvFiles)("describes every column of $name in its order, and no other", ({ name, header }) => {
    expect(columnsDescribed(name)).toEqual(header);
  });

  it("describes every check", () => {
    const described = columnsDescribed("The verdict").filter((name) => !/^(true|false|unknown)$/.test(name));
    const names = result.checks.map((check) => check.name);
    for (const name of names) expect(described).toContain(name);
  });

  it("lists every file", () => {
    for (const { name } of csvFiles) expect(text).toContain(`| \`${name}\` |`);
  });
});

describe("csv", () => {
  it.each(csvFiles)("$name has rows as wide as its header", (file) => {
    const rows = [...file.rows([result])];
    const isEmpty = rows.length === 0;
    expect(isEmpty).toBe(false);
    for (const row of rows) expect(row).toHaveLength(file.header.length);
  });

  it("names every column once", () => {
    for (const { header } of csvFiles) expect(new Set(header).size).toBe(header.length);
  });

  it("quotes what must be quoted and leaves absent cells empty", () => {
    expect(csvLine([1, undefined, 'a "b", c', "two\nlines", 0.5])).toBe('1,,"a ""b"", c","two\nlines",0.5');
  });

  it("gives each row of the story its numbers", () => {
    const cells = Object.fromEntries(
      csvFiles.map((file) => [file.name, [...file.rows([result])].map((row) => zip(file.header, row))]),
    );
    expect(cells["runs.csv"]?.[0]).toMatchObject({
      profile: "fast",
      fault_target: "orderer1:eth1",
      fault_leader: "orderer1",
      fault_at_ms: 4_003,
      verdict: "true",
      outage_ms: 2_063.5,
      detection_ms: 1_995.5,
      first_decision_ms: 50,
      first_commit_ms: 10,
      residual_ms: 0,
      view_changes: 1,
      lost: 0,
      not_true: "",
    });
    expect(cells["views.csv"]).toHaveLength(1);
    expect(cells["views.csv"]?.[0]).toMatchObject({
      view_from: 0,
      view_to: 1,
      outcome: "installed",
      reason: "request",
      first_complainer: "orderer2",
      complainers: "orderer2 orderer3 orderer4",
      leader: "orderer2",
      detected_after_ms: 1_995.5,
      first_commit_peer: "peer1",
    });
    expect(cells["requests.csv"]?.[0]).toMatchObject({
      transaction: "tx2000",
      intended_at_ms: 0,
      outcome: "committed",
    });
    const silent = cells["timeseries.csv"]?.filter((row) => row["node"] === "peer1" && row["committed"] === 0);
    expect(silent?.length).toBeGreaterThanOrEqual(19);
  });
});

const zip = (header: readonly string[], row: readonly unknown[]): Record<string, unknown> =>
  Object.fromEntries(header.map((name, index) => [name, row[index]]));

describe("summary and verdict", () => {
  it("split the outage into phases with their units", () => {
    const summary = summaryText([result]);
    expect(summary).toContain("interface-down (admin) at orderer1:eth1, the leader");
    expect(summary).toMatch(
      /outage +2063\.5 ms +predicted 2050\.0 ms: forward 0\.5 s \+ complain 1\.5 s \+ batch 0\.05 s/,
    );
    expect(summary).toMatch(/detection +1995\.5 ms +█+/);
    expect(summary).toMatch(/residual +0\.0 ms/);
    expect(summary).toContain("0 lost, 0 duplicated");
  });

  it("give the spread of repetitions, and the worst verdict", () => {
    const results = [result, run(2, 20), run(3, 1_000), run(4)];
    const verdict = verdictOf(results);
    expect(verdict.verdict).toBe("true");
    expect(verdictOf([...results, { ...result, verdict: "unknown" }]).verdict).toBe("unknown");
    expect(verdict.spreads["outage_ms"]).toMatchObject({
      count: 4,
      least: 2_063.5,
      median: 2_073.5,
      greatest: 3_063.5,
    });
    expect(summaryText(results)).toMatch(/outage_ms +2073\.5 +2063\.5 +3063\.5/);
    expect(summaryText([])).toBe("no runs\n");
  });

  it("take quantiles from the values themselves", () => {
    expect(spreadOf([])).toBeUndefined();
    expect(spreadOf([3, 1, 2])).toEqual({ count: 3, least: 1, p25: 1, median: 2, p75: 3, greatest: 3 });
  });
});

it("the picture shows the outage and the instants that matter", () => {
  const svg = timelineSvg(result) ?? "";
  expect(svg).toMatch(/^<svg [^>]*>/);
  for (const label of [
    "orderer1:eth1 down",
    "view 1 asked for",
    "view 1 installed",
    "first commit in view 1",
    "healed",
  ]) {
    expect(svg).toContain(label);
  }
  expect(svg.match(/<rect /g)).toHaveLength(1);
  expect(timelineSvg({ ...result, timeseries: [] })).toBeUndefined();
});

it("messages are found by what the filter names", () => {
  const message = {
    kind: "message",
    at: leaderDown()[0]?.at ?? 0,
    node: "orderer2",
    direction: "in",
    other: "orderer3",
  } as const;
  const vote = {
    ...message,
    at: result.startedAt ?? message.at,
    type: "ViewChange",
    view: 1,
    decision: "stored",
  } as const;
  const event = vote as Parameters<typeof messageCells>[0]; // instants are branded numbers
  expect(messagesMatching({ node: "orderer2", type: "viewchange", view: 1 })(event)).toBe(true);
  expect(messagesMatching({ view: 2 })(event)).toBe(false);
  expect(messagesMatching({})(leaderDown()[0] ?? event)).toBe(false);
  expect(zip(messageHeader, messageCells(event))).toMatchObject({
    node: "orderer2",
    type: "ViewChange",
    decision: "stored",
  });
});
