// Bad topologies and experiments, each pinned with the exact text a user sees: error messages are part of the product.
// `bad-input/NAME.yaml` is the input, `NAME.txt` the text. UPDATE_BAD_INPUT=1 writes the texts anew; read the diff, and
// commit it only if each changed line can be explained.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { problemText, type Problem } from "../../src/base/index.js";
import { planFor } from "../../src/plan/index.js";
import { checkAgainst, parseExperiment, parseTopology, placesIn } from "../../src/spec/index.js";

const folder = join(import.meta.dirname, "bad-input");
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.slice(0, -".yaml".length));

function problemsOf(name: string): readonly Problem[] {
  const file = `${name}.yaml`;
  const text = readFileSync(join(folder, file), "utf8");
  if (name.startsWith("topology-")) {
    const topology = parseTopology(text, file);
    if (topology.kind === "bad") return topology.problems;
    const plan = planFor(topology.value, { file, place: placesIn(text, file) });
    return plan.kind === "bad" ? plan.problems : [];
  }
  const experiment = parseExperiment(text, file);
  if (experiment.kind === "bad") return experiment.problems;
  const topology = parseTopology(
    readFileSync(join(folder, experiment.value.topology), "utf8"),
    experiment.value.topology,
  );
  return topology.kind === "bad" ? topology.problems : checkAgainst(experiment.value, topology.value, { text, file });
}

describe("bad input", () => {
  it("has at least 30 cases, and no text without its input", () => {
    expect(names.length).toBeGreaterThanOrEqual(30);
    const texts = readdirSync(folder).filter((name) => name.endsWith(".txt"));
    for (const text of texts) expect(names).toContain(text.slice(0, -".txt".length));
  });

  it.each(names)("%s is refused with its exact text", (name) => {
    const text = problemsOf(name)
      .map((problem) => `${problemText(problem)}\n`)
      .join("");
    expect(text, "the input is not refused at all").not.toBe("");
    const golden = join(folder, `${name}.txt`);
    if (process.env["UPDATE_BAD_INPUT"] === "1") writeFileSync(golden, text);
    expect(existsSync(golden), `${name}.txt is missing: run with UPDATE_BAD_INPUT=1 and read it`).toBe(true);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });
});
