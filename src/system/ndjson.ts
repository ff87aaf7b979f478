// Newline-delimited JSON: bytes to lines and back. Lines longer than a stated limit are refused, so that a peer that never
// sends a newline cannot fill the memory.

import type { Readable } from "node:stream";

const newline = 0x0a;

/** Splits a byte stream into lines; `push` answers the lines that a chunk completed, without their newlines. */
export class LineSplitter {
  readonly #sizeMax: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(sizeMax = 16 * 1024 * 1024) {
    this.#sizeMax = sizeMax;
  }

  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.#parts).toString("utf8"));
      this.#parts = [];
      this.#size = 0;
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What came after the last newline. */
  get rest(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#sizeMax) throw new LineTooLongError(this.#sizeMax);
    if (part.length > 0) this.#parts.push(part);
  }
}

export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";

  constructor(sizeMax: number) {
    super(`Read a line: longer than ${sizeMax} bytes, expected a newline before`);
  }
}

/** Takes the first line, however long, from a stream and leaves the rest in it; undefined when the stream ends before the line does. */
export async function takeLine(stream: Readable): Promise<string | undefined> {
  const parts: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer; // a stream without an encoding
    const end = bytes.indexOf(newline);
    parts.push(end < 0 ? bytes : bytes.subarray(0, end));
    if (end < 0) continue;
    if (end + 1 < bytes.length) stream.unshift(bytes.subarray(end + 1));
    return Buffer.concat(parts).toString("utf8");
  }
  return undefined;
}

/** One value as one line, newline included. JSON escapes every newline inside strings. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;
