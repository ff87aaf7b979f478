// The command line as its users have it: bin/testbed as a process, in a folder and with a state folder of one test file's
// own, so that nothing collides. Looks for what is left do not go through the program that is tested.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { there, until, waiting, type Look } from "../../src/system/index.js";

export const root = join(import.meta.dirname, "..", "..");
export const program = join(root, "bin", "testbed");
const signal = new AbortController().signal;

export interface Ended {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Command and arguments that run what follows, like `unshare --mount --`. */
  readonly under?: readonly string[];
}

export class CliBench {
  readonly folder = mkdtempSync("/tmp/testbed-cli-");
  readonly state = join(this.folder, "state");

  constructor() {
    chmodSync(this.folder, 0o755);
    mkdirSync(this.state, { mode: 0o700 });
  }

  /** Writes a file into the bench's folder, which is the working directory of its commands. */
  write(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text);
    return name;
  }

  /** Starts it without waiting; `words` are arguments as typed. */
  start(words: readonly string[], { environment = {}, under = [] }: Surroundings = {}): RunningCommand {
    const [command = "", ...rest] = [...under, program, ...onNetns(words)];
    return new RunningCommand(
      spawned(command, rest, { cwd: this.folder, env: { TESTBED_STATE: this.state, ...environment } }),
    );
  }

  /** Runs a command line to its end; words are split at spaces. */
  run(line: string, surroundings: Surroundings = {}): Promise<Ended> {
    return this.start(line.split(" "), surroundings).ended();
  }

  /** Runs one that must succeed, and answers what it printed. */
  async good(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    if (code !== 0) throw new Error(`testbed ${line}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** The rows of a command that prints a table, through -f json. */
  async rows<T>(line: string): Promise<readonly T[]> {
    return JSON.parse(await this.good(`${line} -f json`)) as readonly T[];
  }

  everyProcess(): readonly number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  /** Pids of this machine whose environment or command line names the bench's state folder: the lab's processes. */
  processes(): readonly number[] {
    return this.everyProcess().filter((pid) =>
      ["environ", "cmdline"].some((file) => textOf(`/proc/${pid}/${file}`).includes(this.state)),
    );
  }

  /** Network namespaces that processes of this machine live in, by pid. */
  networks(pids: readonly number[]): ReadonlySet<string> {
    return new Set(pids.map((pid) => linkOf(`/proc/${pid}/ns/net`)).filter((link) => link !== ""));
  }

  /** SIGKILL to the process whose life is the lab's. */
  async killSandbox(lab: string): Promise<void> {
    kill(this.#sandboxOf(lab));
    const folder = join(this.state, "labs", lab);
    const look = (): Look<true> => {
      const left = this.everyProcess().filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(folder));
      return left.length === 0 ? there(true) : waiting(`processes ${left.join(", ")} are left`);
    };
    await until(look, { timeoutMs: 10_000, everyMs: 20, signal, what: `lab ${lab} to be dead` });
  }

  /** SIGSTOP to the lab's agent: it is there and does not answer. Answers how to let it go on. */
  stopAgent(lab: string): () => void {
    const sandbox = this.#sandboxOf(lab);
    const children = textOf(`/proc/${sandbox}/task/${sandbox}/children`).trim().split(" ").map(Number);
    const agent = children.find((pid) => textOf(`/proc/${pid}/cmdline`).includes("agent.mjs"));
    if (agent === undefined) throw new Error(`No agent below ${sandbox}`);
    process.kill(agent, "SIGSTOP");
    return () => process.kill(agent, "SIGCONT");
  }

  #sandboxOf(lab: string): number {
    const record = JSON.parse(textOf(join(this.state, "labs", lab, "lab.json"))) as { owner: { pid: number } };
    return record.owner.pid;
  }

  /** Everything a lab may leave: its processes, and files in the state folder. */
  leftovers(): readonly string[] {
    const labs = join(this.state, "labs");
    return [...this.processes().map((pid) => `process ${pid}`), ...(existsSync(labs) ? readdirSync(labs) : [])];
  }

  /** Processes that were killed take a moment to be gone. */
  async untilNothingIsLeft(): Promise<void> {
    const look = (): Look<true> => {
      const left = this.leftovers();
      return left.length === 0 ? there(true) : waiting(`left: ${left.join(", ")}`);
    };
    await until(look, { timeoutMs: 10_000, everyMs: 20, signal, what: "everything to be gone" });
  }

  /** Ends what a test that failed has left, so that the next one fails of its own. */
  async clear(): Promise<void> {
    for (const pid of this.processes()) kill(pid);
    rmSync(join(this.state, "labs"), { recursive: true, force: true });
    await this.untilNothingIsLeft();
  }

  dispose(): void {
    for (const pid of this.processes()) kill(pid);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** These labs are meant to live in namespaces, also where an engine answers and `--runtime auto` would take that. */
function onNetns(words: readonly string[]): readonly string[] {
  const [verb = ""] = words;
  const hasLab = ["up", "run"].includes(verb) && !words.includes("--resume") && !words.includes("--runtime");
  return hasLab ? [...words, "--runtime", "netns"] : words;
}

const spawned = (
  command: string,
  words: readonly string[],
  place: { readonly cwd: string; readonly env: Record<string, string> },
) => execa(command, words, { ...place, reject: false, stdin: "ignore", stripFinalNewline: false });

export class RunningCommand {
  readonly #child: ReturnType<typeof spawned>;
  #stderr = "";
  #stdout = "";

  constructor(child: ReturnType<typeof spawned>) {
    this.#child = child;
    child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when the talk (stderr) holds the text; rejects when the command ends before. */
  says(text: string): Promise<void> {
    return this.#untilHeld(text, () => this.#stderr);
  }

  /** Resolves when the result (stdout) holds the text. */
  prints(text: string): Promise<void> {
    return this.#untilHeld(text, () => this.#stdout);
  }

  async #untilHeld(text: string, written: () => string): Promise<void> {
    const look = (): Look<true> => {
      if (written().includes(text)) return there(true);
      if (this.#child.exitCode !== null) throw new Error(`It ended without "${text}":\n${this.#stderr}`);
      return waiting(written());
    };
    await until(look, { timeoutMs: 60_000, everyMs: 5, signal, what: `the command to write "${text}"` });
  }

  kill(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async ended(): Promise<Ended> {
    const { exitCode, stdout, stderr } = await this.#child;
    return { code: exitCode, stdout, stderr };
  }
}

/** Orderers, a peer and a client on one switch, every route written: up in about a second. */
export function starTopology(name: string, orderers: number, protocol = ""): string {
  const members = [
    ...Array.from({ length: orderers }, (_, index) => ({ name: `orderer${index + 1}`, kind: "orderer" })),
    { name: "peer1", kind: "peer" },
    { name: "client1", kind: "client" },
  ];
  const nodes = members.map(({ name: node, kind }) => {
    const others = members.filter((each) => each.name !== node);
    const routes = others.map((each) => `{ to: ${each.name}, via: ${each.name} }`).join(", ");
    return `  ${node}: { kind: ${kind}, routes: [${routes}] }`;
  });
  const links = members.map(({ name: node }) => `  - { endpoints: ["${node}:eth1", "sw1"] }`);
  return `format: 1
name: ${name}
profile: fast
${protocol}routing: { protocol: static }
nodes:
  sw1: { kind: switch }
${nodes.join("\n")}
links:
${links.join("\n")}
`;
}

/** A few seconds of load with one fault in it. */
export function shortExperiment(topology: string, fault: string): string {
  return `format: 1
name: short
topology: ${topology}
workload: { rate: 50/s, size: 200B }
warm-up: 1s
phase: 0s
timeline:
  - ${fault}
duration: 4s
drain: 4s
`;
}

export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // it ended meanwhile
  }
}

/** What /proc says; empty where the process has gone, or is another user's. */
function seen(look: () => string): string {
  try {
    return look();
  } catch {
    return "";
  }
}

const textOf = (path: string): string => seen(() => readFileSync(path, "utf8"));
const linkOf = (path: string): string => seen(() => readlinkSync(path));
