// Places of a stack in our sources, for who reads a report of a defect. Done when one is printed: Node's own way
// (--enable-source-maps) reads the map of every bundle at each start, which takes as long as half a command.
import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join } from "node:path";
import { packageRoot } from "./repository.js";

const bundlePlace = /([^\s()]*\/part-\w+\.cjs):(\d+):(\d+)/g;

/** A bundle without its map stays as it is: an installed package may have none. */
export function inSources(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replaceAll(bundlePlace, (text, path: string, line: string, column: string) => {
    if (!maps.has(path)) maps.set(path, mapOf(path));
    const entry = maps.get(path)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry === undefined || !("originalSource" in entry)) return text;
    const { originalSource, originalLine, originalColumn } = entry;
    return `${join(packageRoot, "dist", originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

function mapOf(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8")) as SourceMapPayload); // esbuild's own
  } catch {
    return undefined;
  }
}
