// The house rules, executed: which room may import which, what pure rooms may touch, how long files and functions are.
// Each message carries the cure. The table is ARCHITECTURE's import table; a test below holds the two together.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const source = join(root, "src");

const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  smartbft: ["base"],
  boundary: ["base", "smartbft"],
  spec: ["base", "smartbft", "boundary"],
  fabric: ["base", "smartbft", "boundary"],
  plan: ["base", "smartbft", "boundary", "spec"],
  director: ["base", "boundary", "spec", "plan"],
  checks: ["base", "boundary"],
  results: ["base", "boundary", "spec", "plan", "checks"],
  system: ["base"],
  node: ["base", "system", "smartbft", "boundary", "fabric"],
  lab: ["base", "system", "boundary", "spec", "plan", "fabric", "director"],
  sim: ["base", "smartbft", "boundary", "spec", "fabric", "plan", "director", "checks"],
  run: ["base", "system", "boundary", "spec", "plan", "results"],
  cli: [
    "base",
    "system",
    "smartbft",
    "boundary",
    "spec",
    "fabric",
    "plan",
    "director",
    "checks",
    "results",
    "lab",
    "sim",
    "run",
  ],
};

/** Packages a pure room may import; a pure room imports nothing else from outside but base's listed files. */
const purePackages: Readonly<Record<string, readonly RegExp[]>> = {
  base: [/^pure-rand\//],
  smartbft: [/^@bufbuild\/protobuf\/wire$/],
  boundary: [/^zod$/],
  spec: [/^zod$/, /^yaml$/],
  fabric: [/^@bufbuild\/protobuf\/wire$/, /^@hyperledger\/fabric-protos\/lib\/.*_pb(\.js)?$/, /^google-protobuf/],
  plan: [/^zod$/],
  director: [],
  checks: [],
  results: [],
};

const forbiddenNames = /^(utils?|helpers?|common|misc|types)\.ts$|(Manager|Service|Handler|Impl)\.ts$/;

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly isTest: boolean;
}

function filesBelow(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const room = relative(source, path).split(sep)[0] ?? "";
      return { path: relative(root, path), room, text: readFileSync(path, "utf8"), isTest: path.endsWith(".test.ts") };
    })
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

const files = filesBelow(source);
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)|(?:^|\n)import\s+"([^"]+)"/g;
const importsOf = (text: string): readonly string[] =>
  [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");

function roomOf(file: SourceFile, imported: string): { readonly room: string; readonly rest: string } {
  const [room = "", ...rest] = relative(source, join(root, dirname(file.path), imported)).split(sep);
  return { room, rest: rest.join("/") };
}

/** Text with comments and string contents blanked, so that words in them do not count. */
const codeOnly = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, (match) =>
    match.replaceAll(/[^\n]/g, " "),
  );

/** Holes of a shell text that are constants themselves, made of lists in the same file. */
const constantHoles =
  /\$\{(\[\.\.\.limitedTo\(hostCapabilities\), "--no-new-privs", "--"\]\.join\(" "\)|limitedTo\(all\))\}/g;

/** A `const` of the file whose text has no hole but those. */
function isConstantText(text: string, name: string): boolean {
  const found = new RegExp(`\\bconst ${name} =\\s*(\`[^\`]*\`|"[^"]*"|'[^']*')`).exec(text)?.[1];
  return found !== undefined && !/(?<!\\)\$\{/.test(found.replaceAll(constantHoles, ""));
}

describe("tidy", () => {
  it("finds the rooms it knows, and no others", () => {
    const rooms = readdirSync(source).toSorted();
    for (const room of rooms)
      expect(
        Object.keys(mayImport),
        `src/${room} is not in the import table; add it there and in ARCHITECTURE.md`,
      ).toContain(room);
  });

  it("keeps the import table: rooms enter each other by the door, in one direction", () => {
    const broken: string[] = [];
    for (const file of files) {
      for (const imported of importsOf(file.text)) {
        if (!imported.startsWith(".")) continue;
        const { room, rest } = roomOf(file, imported);
        if (room === file.room || (file.isTest && room === "..")) continue;
        const allowed = mayImport[file.room] ?? [];
        if (!allowed.includes(room))
          broken.push(`${file.path} imports ${room}: ${file.room} may import ${allowed.join(", ") || "nothing"}`);
        else if (rest !== "index.js") broken.push(`${file.path} imports ${room}/${rest}: enter by ${room}/index.js`);
      }
    }
    expect(broken).toEqual([]);
  });

  it("keeps pure rooms pure: no node, no clock, no randomness, no timers, no promises", () => {
    const banned =
      /\b(Date|setTimeout|setInterval|setImmediate|queueMicrotask|Promise|async|await|performance|console|globalThis)\b|(?<![.\w])process\.|Math\.(random|log|log2|log10|exp|pow|sin|cos|tan)\b/g;
    const broken: string[] = [];
    for (const file of files) {
      const packages = purePackages[file.room];
      if (packages === undefined || file.isTest) continue;
      for (const imported of importsOf(file.text)) {
        if (imported.startsWith(".")) continue;
        if (file.path === "src/base/hash.ts" && imported === "node:crypto") continue;
        if (!packages.some((pattern) => pattern.test(imported)))
          broken.push(`${file.path} imports ${imported}: a pure room may not; pass the value in`);
      }
      for (const match of codeOnly(file.text).matchAll(banned)) {
        const line = file.text.slice(0, match.index).split("\n").length;
        broken.push(
          `${file.path}:${line} uses ${match[0]}: a pure room is told the time and draws from a seeded Random`,
        );
      }
    }
    expect(broken).toEqual([]);
  });

  it("has no circles between rooms", () => {
    const seen = new Set<string>();
    const visit = (room: string, trail: readonly string[]): void => {
      expect(trail, `circle: ${[...trail, room].join(" → ")}`).not.toContain(room);
      if (seen.has(room)) return;
      seen.add(room);
      for (const next of mayImport[room] ?? []) visit(next, [...trail, room]);
    };
    for (const room of Object.keys(mayImport)) visit(room, []);
  });

  it("keeps files short, named by nouns and opened by a comment", () => {
    const broken: string[] = [];
    for (const file of files) {
      const name = file.path.split("/").at(-1) ?? "";
      const lines = file.text.split("\n").length;
      if (file.path.includes("/generated/")) continue;
      if (lines > (file.isTest ? 700 : 420)) broken.push(`${file.path} has ${lines} lines: split it by job`);
      if (forbiddenNames.test(name)) broken.push(`${file.path}: name the thing it holds`);
      if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|schema))?\.ts$/.test(name))
        broken.push(`${file.path}: file names are kebab-case`);
      if (!file.text.startsWith("//") && !file.text.startsWith("#!"))
        broken.push(`${file.path} opens without saying what it is`);
    }
    expect(broken).toEqual([]);
  });

  it("keeps timers in system, and catches named", () => {
    const broken: string[] = [];
    for (const file of files) {
      if (file.isTest) continue;
      const code = codeOnly(file.text);
      if (file.room !== "system" && /\bsetTimeout\(/.test(code))
        broken.push(`${file.path} calls setTimeout: use system's timers or until()`);
      if (/catch\s*(\([^)]*\))?\s*\{\s*\}/.test(code))
        broken.push(`${file.path} has an empty catch: name the one case that is acceptable`);
      if (/export \* from/.test(code)) broken.push(`${file.path} exports *: name what leaves the room`);
      if (/\b(FIXME|XXX)\b/.test(file.text)) broken.push(`${file.path} holds a FIXME: finish it or open an issue`);
    }
    expect(broken).toEqual([]);
  });

  it("makes no shell text from names: what a shell runs is constant, and what it is about comes as arguments", () => {
    const broken: string[] = [];
    for (const file of files) {
      if (file.isTest) continue;
      const comments = file.text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (match) =>
        match.replaceAll(/[^\n]/g, " "),
      );
      const line = (index: number): number => comments.slice(0, index).split("\n").length;
      const say = (index: number, what: string): void =>
        void broken.push(`${file.path}:${line(index)} ${what}: pass words as an argument list`);
      for (const match of comments.matchAll(/\bshell\s*:|\bexec(aCommand|aCommandSync|Sync)\s*\(/g))
        say(match.index, `runs "${match[0]}"`);
      // The text after "-c" is a name of a constant or a literal without a hole in it.
      for (const match of comments.matchAll(
        /"(?:\/bin\/)?(?:ba|da)?sh"\s*,\s*"-[a-z]*c"\s*,\s*(`[^`]*`|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_.]+|[^\s])/g,
      )) {
        const [, text = ""] = match;
        if (text.startsWith("`") ? text.includes("${") : !/^["'A-Za-z]/.test(text))
          say(match.index, `gives a shell ${text}`);
        if (/^[A-Za-z]/.test(text) && !isConstantText(comments, text))
          say(match.index, `gives a shell "${text}", which is no constant text`);
      }
    }
    expect(broken).toEqual([]);
  });

  it("finds shell texts that are made from names", () => {
    expect(isConstantText("const script = `echo $1`;", "script")).toBe(true);
    expect(isConstantText("const script = `echo ${name}`;", "script")).toBe(false);
    expect(isConstantText("const script = `echo ${limitedTo(all)}`;", "script")).toBe(true);
    expect(isConstantText("let script = `echo`;", "script")).toBe(false);
  });

  it("states the same import table in ARCHITECTURE.md", () => {
    const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    for (const [room, allowed] of Object.entries(mayImport)) {
      const row = text.split("\n").find((line) => new RegExp(`^\\| \`${room}\``).test(line));
      expect(row, `ARCHITECTURE.md has no row for ${room}`).toBeDefined();
      const cell = row?.split("|").at(-2)?.trim() ?? "";
      expect(cell, `ARCHITECTURE.md, row ${room}`).toBe(allowed.length === 0 ? "nothing" : allowed.join(", "));
    }
  });
});
