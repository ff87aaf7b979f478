// docs/protocol.md against the tests: every row of its conformance table names a test that exists, or a reason; all
// surprises are told of, once each.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "protocol.md"), "utf8");
/** Text of one section, up to the next heading of any level. */
const sectionOf = (heading: string): string => page.split(`\n## ${heading}\n`)[1]?.split(/\n##+ /)[0] ?? "";
const conformance = sectionOf("Conformance");
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| library's test"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

it("every listed test exists, and every row that is left out says why", () => {
  const broken: string[] = [];
  const rows = rowsOf(conformance);
  expect(rows.length).toBeGreaterThan(110);
  for (const [row = "", where = "", name = ""] of rows) {
    if (where === "left out") {
      if (name === "") broken.push(`${row}: no reason`);
      continue;
    }
    const path = join(root, where.includes("/") ? `${where}.test.ts` : `tests/pure/${where}.test.ts`);
    if (!existsSync(path)) broken.push(`${row}: no file ${where}`);
    else if (name === "" || !readFileSync(path, "utf8").includes(name))
      broken.push(`${row}: no test "${name}" in ${where}`);
  }
  expect(broken).toEqual([]);
});

it("no row stands twice", () => {
  const names = rowsOf(conformance).map(([row]) => row);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it("tells of all thirty-three surprises, and of the eleven found here", () => {
  const numbers = rowsOf(sectionOf("The library's surprises")).flatMap(([first = ""]) =>
    /^\d+$/.test(first) ? [Number(first)] : [],
  );
  expect(numbers).toEqual(Array.from({ length: 44 }, (_, index) => index + 1));
});
