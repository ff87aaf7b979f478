// The test loader: applies patches to sources as they are read, never to the files. An anchor that does not stand exactly
// once in its file ends the run, for then the mutant is another one than its name says.
import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Patch } from "./mutants.js";

export const root = join(import.meta.dirname, "..", "..");

/** The text of a source file with the patches that are for it; throws where an anchor does not match once. */
export function patched(file: string, text: string, patches: readonly Patch[]): string {
  let result = text;
  for (const { file: target, find, replace } of patches) {
    if (target !== file) continue;
    const count = result.split(find).length - 1;
    if (count !== 1) throw new Error(`src/${file}: the anchor stands ${count} times, expected once:\n${find}`);
    result = result.replace(find, () => replace);
  }
  return result;
}

/** "smartbft/view.ts" of a path below src/; undefined for all others. */
export function sourceName(path: string): string | undefined {
  const name = relative(join(root, "src"), path).split(sep).join("/");
  return name.startsWith("..") ? undefined : name;
}

/** For files that no loader reads: that all anchors of a patch list stand where they should. */
export function checkAnchors(patches: readonly Patch[]): void {
  for (const file of new Set(patches.map((patch) => patch.file))) {
    patched(file, readFileSync(join(root, "src", file), "utf8"), patches);
  }
}
