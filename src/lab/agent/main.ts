// Entry of the agent: `node agent.mjs`, started by the reaper of a sandbox, which waits on its standard input for the lab's folder
// and ends when none comes; or `node agent.mjs DIRECTORY` in a switchboard container, where the first line of descriptor 3 is
// what the folder is to begin with, and who wrote it hears on descriptor 4. Listens first, so that whoever made the lab can wait
// for it; ends the process, and with it the sandbox, when the lab cannot come up or is told to go.
// Exit codes: 0 told to end or not needed, 4 the lab could not come up (agent.log says why).
import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { setPriority } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import type { Plan } from "../../plan/index.js";
import { errorText, loggerTo, OperatingError, pause, takeLine, writeWhole } from "../../system/index.js";
import { processHere, type HostProcess } from "../netns/host-process.js";
import { sandboxProcess } from "../netns/sandbox.js";
import { controlSocketOf, type LabRecord } from "../netns/state-folder.js";
import type { LabFiles, UpSettings } from "../protocol.js";
import { Agent } from "./agent.js";
import { type Answerer, ControlServer } from "./control-server.js";
import { EventLog } from "./event-log.js";
import { answerFromFolder, isAboutFolder } from "./folder-requests.js";
import { headStart, type HeadStart } from "./head-start.js";
import type { Homes } from "./homes.js";
import { namespaceHomes } from "./namespace-process.js";
import { printTo } from "./standard-output.js";

/** For the last answers to leave; the connection closes with the process. */
const lastAnswersMs = 50;

/** Against a machine that is busy with other things; the nodes are put back to 0 (namespace-process.ts). */
const agentNiceness = -15;

/** Requests that events follow from; the others are answered whatever the disk says. */
const changing: ReadonlySet<string> = new Set(["fault", "heal", "run", "reconcile"]);

/** A fault that is due must not wait for a processor. Only privileged users may ask for it; others run as they are. */
function takePriority(): void {
  try {
    setPriority(agentNiceness);
  } catch (error) {
    if (!(error instanceof Error) || !/\b(EACCES|EPERM)\b/.test(error.message)) throw error;
  }
}

async function main(given: string | undefined): Promise<number> {
  takePriority();
  const waited = given === undefined ? await waitForLab() : await takeLab(given);
  if (waited.directory === "") return 0;
  const { directory } = waited;
  let startedAt = performance.now();
  const logger = loggerTo((line) => process.stderr.write(line));
  const plan = (await readJson(join(directory, "plan.json"))) as Plan; // written by the CLI from a Plan of its own format
  const settings = (await readJson(join(directory, "up.json"))) as UpSettings; // likewise
  await using log = await EventLog.open(join(directory, "events.ndjson"));
  const stop = new AbortController();
  const ended = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve(), { once: true }));
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(name, () => stop.abort());
  let control: ControlServer | undefined;
  let isAnswering = false;
  let up: Promise<void> = Promise.resolve();
  const progress = (phase: string): void => {
    const milliseconds = Math.round(performance.now() - startedAt);
    logger.info(`${phase} (${milliseconds} ms)`);
    control?.progress({ phase, milliseconds });
  };
  const homes = settings.image === "" ? namespaceHomes(settings) : await containerHomes(directory, settings);
  const agent = new Agent({ directory, plan, settings, log, logger, homes, progress });
  const answer: Answerer = async (request, { closed }) => {
    if (request.do === "await-up") return up;
    if (request.do === "down") {
      isAnswering = true;
      return stop.abort();
    }
    if (request.do === "await-trouble") return errorText(await log.broken);
    if (isAboutFolder(request)) return answerFromFolder(directory, request);
    if (request.do === "reconcile") startedAt = performance.now(); // progress counts from there
    const result = await agent.answer(request, { signal: stop.signal, closed });
    if (changing.has(request.do)) await log.flushed(); // what was answered can be read in events.ndjson
    return result;
  };
  await record(directory, homes.runtime === "netns" ? sandboxProcess() : await processHere());
  control = await ControlServer.listen(controlSocketOf(directory), answer);
  if (waited.maker !== undefined) control.accept(waited.maker);
  const built = agent.up(waited.start, { signal: stop.signal }).then(() => log.flushed());
  up = built.catch((cause: unknown) => {
    if (!stop.signal.aborted) throw cause;
    throw new OperatingError("Bring the lab up: somebody told it to end before it was up", { cause });
  });
  const failure = await up.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure === undefined) await ended;
  else logger.error(errorText(failure));
  await Promise.allSettled([log.flushed()]); // a full disk has been told to who waited
  if (isAnswering || failure !== undefined) await pause(lastAnswersMs, { signal: new AbortController().signal });
  homes.endAll();
  return failure === undefined || stop.signal.aborted ? 0 : 4;
}

interface Waited {
  /** Empty when whoever has started this process needs it no more. */
  readonly directory: string;
  readonly start: () => HeadStart;
  /** The command that makes the lab, where it does not come by the control socket. */
  readonly maker?: Duplex;
}

/** In a sandbox. What it prints goes to the lab's log from then on. */
async function waitForLab(): Promise<Waited> {
  sandboxProcess(); // else what follows would change somebody else's network
  const start = headStart();
  const directory = await text(process.stdin);
  if (directory !== "") {
    printTo(join(directory, "agent.log"));
    process.env["HOME"] = directory;
  }
  return { directory, start: () => start };
}

/** In a switchboard container: its way in and out is that of the command that makes the lab. */
async function takeLab(directory: string): Promise<Waited> {
  const input = new Socket({ fd: 3, readable: true, writable: false });
  const line = await takeLine(input);
  if (line === undefined) return { directory: "", start: headStart };
  const files = JSON.parse(line) as LabFiles; // written by the CLI of the same installation
  for (const [name, value] of Object.entries(files)) await writeWhole(join(directory, name), JSON.stringify(value));
  const output = new Socket({ fd: 4, readable: false, writable: true });
  const maker: Duplex = Duplex.from({ readable: input, writable: output });
  maker.once("end", () => maker.destroy()); // it has gone; the lab stays
  return { directory, start: headStart, maker };
}

/** Loaded where there are containers: the client of the engine's API is most of what would be. */
async function containerHomes(directory: string, settings: UpSettings): Promise<Homes> {
  const { ContainerHomes } = await import("../docker/container-homes.js");
  return new ContainerHomes({ directory, settings });
}

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));

/** From now on the lab's life is that of the sandbox's first process; of the agent itself where it lives in a container. */
async function record(directory: string, owner: HostProcess): Promise<void> {
  const path = join(directory, "lab.json");
  const before = (await readJson(path)) as LabRecord; // written by the CLI of the same installation a moment ago
  const running: LabRecord = { ...before, owner, stage: "running" };
  await writeWhole(path, JSON.stringify(running, undefined, 2));
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(4);
  },
);
