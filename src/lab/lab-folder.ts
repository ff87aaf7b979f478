// The folder of a lab as the CLI reaches it: on this machine, or through the agent where it is on the engine's. Paths are relative
// to the folder and stay in it.
import { open, readdir } from "node:fs/promises";
import { join, normalize } from "node:path";
import { hasCode, UserError, writeWhole } from "../system/index.js";

export interface LabFolder {
  /** As people may be told of it; on the machine where the lab's nodes live. */
  readonly directory: string;
  /** How often it is worth looking for what was appended. */
  readonly everyMs: number;
  /** Bytes of a file from an offset on, some at a time; empty at its present end, undefined when there is no such file. */
  read(file: string, fromByte: number): Promise<Buffer | undefined>;
  /** Names in a folder; undefined when there is none. */
  list(folder: string): Promise<readonly string[] | undefined>;
  write(file: string, text: string): Promise<void>;
  /** The lab's agent is there: what it appends is not all yet. */
  alive(): Promise<boolean>;
}

/** Of one answer: encoding more at once would hold the agent up when a fault is due. */
const bytesAtOnce = 128 * 1024;

export class FolderHere implements LabFolder {
  readonly directory: string;
  readonly everyMs = 20;
  readonly #alive: () => Promise<boolean>;

  constructor(directory: string, alive: () => Promise<boolean>) {
    this.directory = directory;
    this.#alive = alive;
  }

  read(file: string, fromByte: number): Promise<Buffer | undefined> {
    return readFrom(this.directory, file, fromByte);
  }

  list(folder: string): Promise<readonly string[] | undefined> {
    return namesIn(this.directory, folder);
  }

  write(file: string, text: string): Promise<void> {
    return writeWhole(pathIn(this.directory, file), text);
  }

  alive(): Promise<boolean> {
    return this.#alive();
  }
}

export async function readFrom(directory: string, file: string, fromByte: number): Promise<Buffer | undefined> {
  try {
    await using opened = await open(pathIn(directory, file), "r");
    const bytes = Buffer.alloc(bytesAtOnce);
    const { bytesRead } = await opened.read(bytes, 0, bytes.length, fromByte);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export async function namesIn(directory: string, folder: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(pathIn(directory, folder))).toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export function pathIn(directory: string, file: string): string {
  const path = normalize(file);
  if (!path.startsWith("/") && path !== ".." && !path.startsWith("../")) return join(directory, path);
  throw new UserError(`Cannot use "${file}" in a lab's folder: it leads out of it`);
}

/** A whole file as text; undefined when there is none. */
export async function textIn(folder: LabFolder, file: string): Promise<string | undefined> {
  const parts: Buffer[] = [];
  for (let from = 0; ; ) {
    const part = await folder.read(file, from);
    if (part === undefined) return undefined;
    if (part.length === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(part);
    from += part.length;
  }
}
