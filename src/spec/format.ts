// A file of another format is refused by name before anything else in it is judged: its keys mean something else.
import type { Problem } from "../base/index.js";
import type { Source } from "./document.js";
import { shown } from "./leaves.schema.js";

/** Undefined when the file is of format 1, or says no format at all (the schema then asks for it). */
export function formatProblem(source: Source, what: "topology" | "experiment"): Problem | undefined {
  const data = source.data();
  if (typeof data !== "object" || data === null || !("format" in data)) return undefined;
  if (data.format === 1) return undefined;
  return {
    position: source.place(["format"]),
    path: "format",
    message: `Cannot read a file of ${what} format ${shown(data.format)}: this testbed reads format 1`,
    suggestion: "write format: 1, or use the testbed that the file was written for",
  };
}
