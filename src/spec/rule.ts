// Collects what rules find, each with the path it is about: rules state, positions come from the source.
import type { Problem } from "../base/index.js";
import { pathText, type Path, type Source } from "./document.js";

export interface Found {
  readonly at: Path;
  readonly problem: Problem;
}

export class Findings {
  readonly #source: Source;
  readonly #found: Found[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  /** The value at `at` is wrong. */
  value(at: Path, message: string, suggestion?: string): void {
    this.#add(at, "value", message, suggestion);
  }

  /** The key at `at` is wrong, or should not be there. */
  key(at: Path, message: string, suggestion?: string): void {
    this.#add(at, "key", message, suggestion);
  }

  found(): readonly Found[] {
    return this.#found;
  }

  #add(at: Path, part: "key" | "value", message: string, suggestion: string | undefined): void {
    const base = { position: this.#source.place(at, part), path: pathText(at), message };
    this.#found.push({ at, problem: suggestion === undefined ? base : { ...base, suggestion } });
  }
}
