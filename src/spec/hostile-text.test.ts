// Whatever bytes a file holds, parsing answers with a topology or with problems, each with a place in that text.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Parsed } from "../base/index.js";
import { parseExperiment, parseTopology } from "./index.js";

const shipped = readFileSync(join(import.meta.dirname, "..", "..", "topologies", "bft4-wan.yaml"), "utf8");
const experiment = readFileSync(join(import.meta.dirname, "..", "..", "experiments", "kinds-of-down.yaml"), "utf8");

function expectSound(parsed: Parsed<unknown>, text: string): void {
  if (parsed.kind === "good") return;
  expect(parsed.problems.length).toBeGreaterThan(0);
  const lines = text.split("\n").length;
  for (const { position, message } of parsed.problems) {
    expect(position.line).toBeGreaterThanOrEqual(1);
    expect(position.line).toBeLessThanOrEqual(lines + 1);
    expect(position.column).toBeGreaterThanOrEqual(1);
    expect(message).not.toBe("");
    for (const slip of ["\u0001", "\u0002", "Invalid input", "undefined", "[object"])
      expect(message).not.toContain(slip);
  }
}

/** A file with one stretch cut out or replaced: what an editor leaves behind half way. */
const damaged = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.nat(text.length),
      fc.nat(40),
      fc.oneof(
        fc.constant(""),
        fc.string({ maxLength: 8 }),
        fc.constantFrom("null", "[]", "{}", "- ", ": ", "50", "true", "~"),
      ),
    )
    .map(([start, length, insertion]) => text.slice(0, start) + insertion + text.slice(start + length));

describe("hostile text", () => {
  it("never throws on any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: "binary", maxLength: 200 })), (text) => {
        expectSound(parseTopology(text, "f"), text);
        expectSound(parseExperiment(text, "f"), text);
      }),
    );
  });

  it("never throws on a damaged topology", () => {
    fc.assert(
      fc.property(damaged(shipped), (text) => expectSound(parseTopology(text, "f"), text)),
      { numRuns: 400 },
    );
  });

  it("never throws on a damaged experiment", () => {
    fc.assert(
      fc.property(damaged(experiment), (text) => expectSound(parseExperiment(text, "f"), text)),
      { numRuns: 400 },
    );
  });

  it.each([
    ["brackets", `format: ${"[".repeat(5_000)}`],
    ["maps", `format: ${"{a: ".repeat(5_000)}`],
    ["lists", `${"- ".repeat(400_000)}x`],
    ["indentation", Array.from({ length: 2_000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    ["explicit keys", "? ".repeat(100_000)],
    ["aliases", `a: &a [x]\n${Array.from({ length: 50 }, (_, index) => `b${index}: [*a, *a, *a]`).join("\n")}`],
    ["proto", "format: 1\nname: a\nnodes: { __proto__: { kind: orderer }, constructor: { kind: orderer } }\n"],
    ["much", `# ${"x".repeat(2_000_000)}`],
  ])("refuses a text made of deep or strange %s", (_, text) => {
    const parsed = parseTopology(text, "f");
    expect(parsed.kind).toBe("bad");
    expectSound(parsed, text);
  });
});
