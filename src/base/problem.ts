// User errors: collected, all shown, each with its place, what was found, what was expected and what to do.

/** 1-based place in a text. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly position: Position;
  /** Path of keys inside the file, like `links[3].delay`; empty for the file itself. */
  readonly path: string;
  /** What is wrong, in one sentence without a full stop: found, then expected. */
  readonly message: string;
  /** What to do about it; absent only when the message says it all. */
  readonly suggestion?: string;
}

/** `file:line:column: path: message (suggestion)`, the form editors and terminals make clickable. */
export function problemText(problem: Problem): string {
  const { file, line, column } = problem.position;
  const place = `${file}:${line}:${column}: `;
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const suggestion = problem.suggestion === undefined ? "" : `; ${problem.suggestion}`;
  return visible(`${place}${path}${problem.message}${suggestion}`);
}

/** Controls of a terminal, line breaks and turns of writing direction: what a stranger's file holds must not act when it is shown. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const acting = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

const visible = (text: string): string =>
  text.replaceAll(acting, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A value, or the problems that prevent it: never both, and problems are never empty. */
export type Parsed<T> =
  | { readonly kind: "good"; readonly value: T }
  | { readonly kind: "bad"; readonly problems: readonly Problem[] };

/** The nearest of the candidates within a third of the word's length (Damerau-Levenshtein), for "did you mean". */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of [...candidates].toSorted()) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  const width = right.length + 1;
  const cells = new Int32Array((left.length + 1) * width);
  const at = (row: number, column: number): number => cells[row * width + column] ?? 0;
  for (let row = 0; row <= left.length; row++) cells[row * width] = row;
  for (let column = 0; column < width; column++) cells[column] = column;
  for (let row = 1; row <= left.length; row++) {
    for (let column = 1; column < width; column++) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      let value = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + cost);
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) value = Math.min(value, at(row - 2, column - 2) + 1);
      cells[row * width + column] = value;
    }
  }
  return at(left.length, right.length);
}
