// Starts a program of ours from its bundle with the code that V8 made of it when it was built (scripts/build): compiling two
// megabytes takes as long as starting Node. Bundled by itself as dist/start.cjs; dist/NAME.mjs call it. `node start.cjs NAME HASH
// ARGUMENT...` runs a program once and keeps what was compiled until it ends. Code that another V8 has made is
// refused by V8, and what belongs to another bundle by its hash: then it is compiled as any other.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

type Program = (require: NodeJS.Require, module: { exports: object }, folder: string) => void;

const pathOf = (name: string): string => join(__dirname, `part-${name}.cjs`);
/** Of the bundle's hash in hexadecimal digits, at the beginning of its code. */
const hashSize = 64;

/** Runs the program with the arguments of this process. `hash` is the bundle's SHA-256. */
export function start(name: string, hash: string): void {
  const path = pathOf(name);
  const code = codeOf(path, hash);
  const script = scriptOf(path, code);
  if (name === "testbed" && code !== undefined && script.cachedDataRejected !== true) optimiseLate();
  run(path, script);
}

/**
 * A command line is mostly over before code that V8 optimises is of use; meanwhile its compiler takes a processor from the sandbox that
 * starts. So a function must run fifteen times as long first. The flag is V8's own: only where V8 is the one of the build.
 */
const optimiseLate = (): void => setFlagsFromString("--interrupt-budget=2000000");

function startAndKeep(name: string, hash: string): void {
  const path = pathOf(name);
  const script = scriptOf(path, undefined);
  process.once("exit", () => {
    writeFileSync(`${path}.code.new`, Buffer.concat([Buffer.from(hash), script.createCachedData()]));
    renameSync(`${path}.code.new`, `${path}.code`);
  });
  run(path, script);
}

function codeOf(path: string, hash: string): Buffer | undefined {
  try {
    const kept = readFileSync(`${path}.code`);
    return kept.toString("latin1", 0, hashSize) === hash ? kept.subarray(hashSize) : undefined;
  } catch {
    return undefined; // an image or a package without it
  }
}

/** The bundle is ASCII. Its own first line is line 1, as its source map has it. */
const scriptOf = (path: string, cachedData: Buffer | undefined): Script =>
  new Script(
    `(function (require, module, __dirname) { const { exports } = module;\n${readFileSync(path, "latin1")}\n})`,
    {
      filename: path,
      lineOffset: -1,
      cachedData,
    },
  );

function run(path: string, script: Script): void {
  const program = script.runInThisContext() as Program;
  program(createRequire(path), { exports: {} }, dirname(path));
}

if (require.main === module) {
  const [name = "", hash = ""] = process.argv.splice(2, 2);
  startAndKeep(name, hash);
}
