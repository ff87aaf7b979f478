// Holds data against a schema and answers in problems with positions. Where something does not fit, it is taken out and
// the rest is read once more, so that the rules that follow can tell a user everything at once.
import type * as z from "zod";
import type { Problem } from "../base/index.js";
import { pathText, type Path, type Source } from "./document.js";
import { messageMark, shown, suggestionMark } from "./leaves.schema.js";

export interface Checked<Value> {
  readonly problems: readonly Problem[];
  /** Absent when what remains after taking out the misfits still does not fit. */
  readonly value: Value | undefined;
  /** Whether something was taken out of a map on the way to a path: rules say nothing about what is in it. */
  isSpoiled(path: Path): boolean;
}

interface Misfit {
  readonly path: Path;
  readonly message: string;
  /** Set when the key itself is wrong. */
  readonly isKey: boolean;
}

/** `isKeystone` says of which values the rest cannot be judged without: when one is a misfit, no value is answered. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  source: Source,
  isKeystone: (path: Path) => boolean,
): Checked<z.output<Schema>> {
  const first = schema.safeParse(source.data());
  if (first.success) return { problems: [], value: first.data, isSpoiled: () => false };
  const data = source.data();
  const misfits = misfitsOf(first.error.issues, data);
  const problems = misfits.map((misfit) => problemOf(misfit, source));
  for (const misfit of misfits.toReversed()) remove(data, misfit.path);
  const second = schema.safeParse(data);
  const parents = new Set(misfits.map((misfit) => pathText(misfit.path.slice(0, -1))));
  return {
    problems,
    value: second.success && !misfits.some((misfit) => isKeystone(misfit.path)) ? second.data : undefined,
    isSpoiled: (path) => path.some((_, index) => parents.has(pathText(path.slice(0, index + 1)))),
  };
}

function misfitsOf(issues: readonly z.core.$ZodIssue[], data: unknown): readonly Misfit[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
    if (issue.code === "unrecognized_keys") {
      const messages = issue.message.split(messageMark);
      return issue.keys.map((key, index) => ({ path: [...path, key], message: messages[index] ?? "", isKey: true }));
    }
    if (issue.code === "invalid_union") {
      const inside = insideUnion(issue, valueAt(data, path));
      if (inside !== undefined) {
        return misfitsOf(inside, valueAt(data, path)).map((misfit) => ({ ...misfit, path: [...path, ...misfit.path] }));
      }
    }
    return [{ path, message: issue.message, isKey: false }];
  });
}

/** For a map, the alternative that is a map: its complaints lie deeper and say more than "none of these". */
function insideUnion(issue: z.core.$ZodIssueInvalidUnion, value: unknown): readonly z.core.$ZodIssue[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return issue.errors.find((errors) =>
    errors.every((error) => error.path.length > 0 || error.code === "unrecognized_keys"),
  );
}

function problemOf(misfit: Misfit, source: Source): Problem {
  const [message = "", suggestion] = misfit.message.split(suggestionMark);
  const position = source.place(misfit.path, misfit.isKey ? "key" : "value");
  const path = pathText(misfit.isKey ? misfit.path.slice(0, -1) : misfit.path);
  return suggestion === undefined ? { position, path, message } : { position, path, message, suggestion };
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    // Data of a YAML text is plain maps and lists; both answer to their keys.
    value = (value as Readonly<Record<string | number, unknown>>)[part];
  }
  return value;
}

function remove(data: unknown, path: Path): void {
  const last = path.at(-1);
  const parent = valueAt(data, path.slice(0, -1));
  if (last === undefined || typeof parent !== "object" || parent === null || Array.isArray(parent)) return;
  Reflect.deleteProperty(parent, last);
}

/** For rules: the same sentence as the schema's own. */
export function cannotUse(value: unknown, expected: string): string {
  return `Cannot use ${shown(value)}: expected ${expected}`;
}
