// The folder of a run under results/, written in three phases: before (manifest, topology and experiment verbatim, plan),
// during (events, a line each), after (CSV, verdict, summary). A crash in a later phase never costs an earlier one.
import { createReadStream } from "node:fs";
import { access, appendFile, mkdir, open, readdir, readFile, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Event } from "../boundary/index.js";
import { eventFromLine } from "../boundary/index.js";
import { OperatingError, UserError } from "../system/index.js";

/** Facts that explain a run years later; `format` is checked when it is read again. */
export interface Manifest {
  readonly format: 1;
  readonly experiment: string;
  readonly topology: string;
  readonly profile: string;
  readonly runtime: string;
  readonly repetitions: number;
  readonly seed: string;
  readonly commandLine: readonly string[];
  readonly commit: string;
  readonly dirty: boolean;
  readonly node: string;
  readonly startedAt: string;
}

/** As results state it: with "-dirty" where the tree was. */
export const commitText = ({ commit, dirty }: Manifest): string => `${commit}${dirty ? "-dirty" : ""}`;

export interface RunInputs {
  readonly manifest: Manifest;
  readonly topologyText: string;
  readonly experimentText: string;
  readonly planText: string;
}

const runFolder = (run: number): string => `run-${String(run).padStart(2, "0")}`;

/** Creates the folder with everything known before the first repetition. Refuses one that exists. */
export async function createResultsFolder(directory: string, inputs: RunInputs): Promise<void> {
  const exists = await access(directory).then(() => true, isMissing);
  if (exists) {
    throw new UserError(`Cannot write results to "${directory}": it exists already`, {
      suggestion: "name another folder with --output, or remove this one",
    });
  }
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "manifest.json"), `${JSON.stringify(inputs.manifest, null, 2)}\n`);
    await writeFile(join(directory, "topology.yaml"), inputs.topologyText);
    await writeFile(join(directory, "experiment.yaml"), inputs.experimentText);
    await writeFile(join(directory, "plan.json"), inputs.planText);
  } catch (cause) {
    throw new OperatingError(`Cannot write the results folder "${directory}"`, {
      cause,
      suggestion: "check that the disk has room and that you may write there, or name another folder with --output",
    });
  }
}

/** False for ENOENT; anything else is thrown. */
function isMissing(error: unknown): false {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
  throw error;
}

/** Appends events of one repetition, in batches; `close` flushes. */
export class EventFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #lines: string[] = [];
  #characters = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(directory: string, run: number): Promise<EventFile> {
    const folder = join(directory, runFolder(run));
    await mkdir(folder, { recursive: true });
    return new EventFile(await open(join(folder, "events.ndjson"), "wx"));
  }

  async append(event: Event): Promise<void> {
    const line = `${JSON.stringify(event)}\n`;
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters > 65_536) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join("");
    this.#lines = [];
    this.#characters = 0;
    try {
      await this.#file.appendFile(text);
    } catch (cause) {
      throw new OperatingError("Cannot append to the run's events.ndjson", {
        cause,
        suggestion: "check that the disk has room; what was written so far is intact",
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#file.close();
    }
  }
}

/** Log lines of one repetition, by node and process: for people, nothing reads them again. */
export async function appendLog(
  directory: string,
  run: number,
  node: string,
  process: string,
  text: string,
): Promise<void> {
  const folder = join(directory, runFolder(run), "logs");
  await mkdir(folder, { recursive: true });
  await appendFile(join(folder, `${node === "" ? "lab" : node}.${process}.log`), `${text}\n`);
}

/** Numbers of the repetitions a folder holds, ascending. */
export async function runsIn(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new UserError(`Cannot read results in "${directory}"`, {
      cause,
      suggestion: "name a folder that `testbed run` wrote",
    });
  });
  return names
    .flatMap((name) => (/^run-\d+$/.test(name) ? [Number(name.slice(4))] : []))
    .toSorted((left, right) => left - right);
}

export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, "manifest.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new UserError(`Cannot read "${path}"`, { cause, suggestion: "name a folder that `testbed run` wrote" });
  });
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== 1) {
    const found =
      typeof value === "object" && value !== null && "format" in value ? JSON.stringify(value.format) : "none";
    throw new UserError(`Cannot read "${path}": found format ${found}, expected 1`);
  }
  return value as Manifest; // written by createResultsFolder; the format says so
}

/** Events of one repetition in file order. A torn last line (the writer was killed) ends it; a bad one elsewhere throws. */
export async function* eventsOf(directory: string, run: number): AsyncIterable<Event> {
  const path = join(directory, runFolder(run), "events.ndjson");
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  let torn: string | undefined;
  for await (const line of lines) {
    number++;
    if (torn !== undefined) throw new OperatingError(torn);
    if (line === "") continue;
    const event = eventFromLine(line);
    if (event.kind === "unreadable") torn = `${path}:${number}: ${event.reason}`;
    else yield event.event;
  }
}
