// The folder of a run under results/, written in three phases: before (manifest, topology and experiment verbatim, plan),
// during (events, a line each), after (CSV, verdict, summary). A crash in a later phase never costs an earlier one.
import { access, appendFile, mkdir, open, readdir, readFile, rm, writeFile, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Event } from "../boundary/index.js";
import { eventFromLine } from "../boundary/index.js";
import { hasCode, makeFolders, OperatingError, UserError } from "../system/index.js";
import { writing } from "./disk.js";

/** Facts that explain a run years later; `format` is checked when it is read again. */
export interface Manifest {
  readonly format: 1;
  readonly experiment: string;
  readonly topology: string;
  readonly profile: string;
  readonly runtime: string;
  /** Why that one: asked for, or what the machine has. Absent in results of before there was a choice. */
  readonly runtimeReason?: string;
  /** What things cost on the simulated machine; only of simulated runs. */
  readonly costs?: unknown;
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

/** Seed of one repetition: a function of the experiment's seed and its number alone. */
export const repetitionSeed = (seed: string, run: number): string => `${seed}/${run}`;

export interface RunInputs {
  readonly manifest: Manifest;
  readonly topologyText: string;
  readonly experimentText: string;
  readonly planText: string;
}

/** Folder of one repetition within a results folder. */
export const runFolder = (run: number): string => `run-${String(run).padStart(2, "0")}`;
const eventsPath = (directory: string, run: number): string => join(directory, runFolder(run), "events.ndjson");

/** Creates the folder with everything known before the first repetition. Refuses one that exists; makes all or nothing. */
export async function createResultsFolder(directory: string, inputs: RunInputs): Promise<void> {
  await writing(directory, async () => {
    await makeFolders(dirname(directory));
    await mkdir(directory);
    try {
      await writeFile(join(directory, "manifest.json"), `${JSON.stringify(inputs.manifest, null, 2)}\n`);
      await writeFile(join(directory, "topology.yaml"), inputs.topologyText);
      await writeFile(join(directory, "experiment.yaml"), inputs.experimentText);
      await writeFile(join(directory, "plan.json"), inputs.planText);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  });
}

/** Forgets what was written of a repetition, to write it anew. */
export async function removeRepetition(directory: string, run: number): Promise<void> {
  await writing(directory, () => rm(join(directory, runFolder(run)), { recursive: true, force: true }));
}

/** Appends events of one repetition, in batches; `close` flushes. */
export class EventFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #lines: string[] = [];
  #characters = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(directory: string, run: number): Promise<EventFile> {
    const path = eventsPath(directory, run);
    return writing(path, async () => {
      await makeFolder(dirname(path));
      return new EventFile(path, await open(path, "wx"));
    });
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
    await writing(this.#path, async () => {
      await this.#file.appendFile(text);
      // A file that was removed takes text as ever: only its count of names tells that nobody will find it.
      if ((await this.#file.stat()).nlink === 0) await access(this.#path);
    });
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
  await writing(folder, async () => {
    await makeFolder(folder);
    await appendFile(join(folder, `${node === "" ? "lab" : node}.${process}.log`), `${text}\n`);
  });
}

/** Not the folders above it: a results folder that has vanished must not come back as half of one. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

/** Numbers of the repetitions a folder holds, ascending. */
export async function runsIn(directory: string): Promise<readonly number[]> {
  const names = await reading(directory, () => readdir(directory));
  return names
    .flatMap((name) => (/^run-\d+$/.test(name) ? [Number(name.slice(4))] : []))
    .toSorted((left, right) => left - right);
}

export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, "manifest.json");
  const value = jsonFrom(path, await readInput(directory, "manifest.json"));
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format === 1) return value as Manifest; // written by createResultsFolder; the format says so
  throw new UserError(`Cannot read "${path}": found format ${JSON.stringify(format) ?? "none"}, expected 1`);
}

/** Text of one of the files that createResultsFolder wrote. */
export function readInput(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  return reading(path, () => readFile(path, "utf8"));
}

function jsonFrom(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`Cannot read "${path}": ${error.message}`, { suggestion: resultsSuggestion });
  }
}

const resultsSuggestion = "name a folder that `testbed run` wrote";

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!hasCode(cause, "ENOENT", "ENOTDIR", "EACCES")) throw cause;
    const reason = hasCode(cause, "EACCES") ? "you may not read it" : "it is not there";
    throw new UserError(`Cannot read "${path}": ${reason}`, { suggestion: resultsSuggestion });
  }
}

/** Events of one repetition in file order. A torn last line (the writer was killed) ends it; a bad one elsewhere throws. */
export async function* eventsOf(directory: string, run: number): AsyncIterable<Event> {
  const path = eventsPath(directory, run);
  await using file = await reading(path, () => open(path));
  let number = 0;
  let torn: string | undefined;
  for await (const line of file.readLines()) {
    number++;
    if (torn !== undefined) throw new OperatingError(torn);
    if (line === "") continue;
    const event = eventFromLine(line);
    if (event.kind === "unreadable") torn = `${path}:${number}: ${event.reason}`;
    else yield event.event;
  }
}
