// A YAML text as data with positions: which line and column a path of keys stands at. YAML is read strictly: one
// document, no anchors, no tags, no directives, each key once. A file states values; it is not a program.
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from "yaml";
import type { Parsed, Position, Problem } from "../base/index.js";

export type Path = readonly (string | number)[];

export interface Source {
  readonly file: string;
  /** The data as plain objects, a fresh copy at each call. */
  data(): unknown;
  /** Where the value at a path stands, or its key; for what is not there the nearest thing around it. */
  place(path: Path, part?: "key" | "value"): Position;
}

/** No file of this kind is near it; a larger one is a mistake, and would be slow to read. */
const textSizeMax = 1_000_000;
/** Our files are five deep; the reader of YAML is recursive. */
const depthMax = 50;
/** Blanks and list marks at the beginning of a line: deeper ones exhaust the reader's stack, whatever they hold. */
const indentMax = 200;

export function readDocument(text: string, file: string): Parsed<Source> {
  const start: Position = { file, line: 1, column: 1 };
  const refusal = textRefusal(text);
  if (refusal !== undefined) return { kind: "bad", problems: [{ position: start, path: "", ...refusal }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2", schema: "core" });
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    position: positionAt(error.pos[0]),
    path: "",
    ...yamlSentence(error.code, error.message, wordAt(text, error.pos[0])),
  }));
  if (problems.length === 0) problems.push(...strictnessProblems(document, positionAt));
  if (document.directives?.yaml.explicit === true) {
    problems.push({
      position: start,
      path: "",
      message: "Cannot use a YAML directive",
      suggestion: "remove the % line",
    });
  }
  if (problems.length > 0) return { kind: "bad", problems };
  if (document.contents === null) {
    return { kind: "bad", problems: [{ position: start, path: "", message: "The file is empty" }] };
  }
  const source: Source = {
    file,
    data: () => document.toJS({ maxAliasCount: 0 }),
    place: (path, part = "value") => positionAt(offsetOf(document, path, part)),
  };
  return { kind: "good", value: source };
}

/** `links[3].delay`. */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  return text;
}

/** File order, then text, so that the same file gives the same list. */
export function sortedProblems(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (left, right) =>
      left.position.line - right.position.line ||
      left.position.column - right.position.column ||
      (left.message < right.message ? -1 : left.message > right.message ? 1 : 0),
  );
}

interface Sentence {
  readonly message: string;
  readonly suggestion?: string;
}

function textRefusal(text: string): Sentence | undefined {
  if (text.length > textSizeMax) {
    return { message: `Cannot read ${text.length} characters: expected at most ${textSizeMax}` };
  }
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > depthMax) return { message: `Cannot read brackets nested more than ${depthMax} deep` };
  }
  if (new RegExp(`^[-?: \\t]{${indentMax + 1}}`, "m").test(text)) {
    return { message: `Cannot read a line that is indented by more than ${indentMax} characters` };
  }
  return undefined;
}

function wordAt(text: string, offset: number): string {
  return /^[^\s:]*/.exec(text.slice(offset, offset + 60))?.[0] ?? "";
}

function yamlSentence(code: string, message: string, word: string): Sentence {
  switch (code) {
    case "DUPLICATE_KEY":
      return { message: `"${word}" stands here a second time`, suggestion: "write each name and key once" };
    case "TAB_AS_INDENT":
      return { message: "A tab cannot indent YAML", suggestion: "use spaces" };
    case "MULTIPLE_DOCS":
      return { message: "The file holds more than one YAML document", suggestion: "remove the --- line" };
    case "TAG_RESOLVE_FAILED":
      return { message: "Cannot use a YAML tag", suggestion: "remove the word that begins with !" };
    default:
      return { message: `The text is not YAML: ${message.replaceAll(/\s+/g, " ")}` };
  }
}

function strictnessProblems(document: Document, positionAt: (offset: number) => Position): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (node: unknown, message: string, suggestion: string): void => {
    problems.push({ position: positionAt(startOf(node) ?? 0), path: "", message, suggestion });
  };
  visit(document, {
    Pair: (_, pair) => {
      if (!isScalar(pair.key) || pair.key.value === null || pair.key.value === "__proto__") {
        report(pair.key, "Cannot use this as a key", "a key is one word");
      }
    },
    Node: (_, node) => {
      if (isAlias(node) || node.anchor !== undefined) {
        report(node, "Cannot use YAML anchors and aliases", "write the value out where it is used");
      }
    },
  });
  return problems;
}

function offsetOf(document: Document, path: Path, part: "key" | "value"): number {
  let node: unknown = document.contents;
  let keyNode: unknown;
  for (const step of path) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return startOf(keyNode ?? node) ?? 0;
      keyNode = pair.key;
      next = pair.value;
    } else if (isSeq(node)) {
      next = node.items[Number(step)];
      keyNode = next;
    }
    if (next === undefined || next === null) return startOf(keyNode ?? node) ?? 0;
    node = next;
  }
  if (part === "key" || (isCollection(node) && keyNode !== undefined && node.flow !== true))
    return startOf(keyNode) ?? 0;
  return startOf(node) ?? 0;
}

function startOf(node: unknown): number | undefined {
  if (isScalar(node) || isCollection(node) || isAlias(node)) return node.range?.[0] ?? undefined;
  return undefined;
}
