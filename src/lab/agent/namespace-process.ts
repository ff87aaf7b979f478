// One node's processes: the start script in the node's network namespace and a mount namespace of its own (so that FRR's
// fixed places, /etc/frr, /run/frr …, are this node's), its FRR daemons, and the service it becomes. The start script says
// on descriptor 3 what happens to each; the mount namespace is held open here, so that a node can be entered, and its
// service started again, after the process that made it has gone.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import type { PlannedNode } from "../../plan/index.js";
import {
  LineSplitter,
  OperatingError,
  there,
  toolPath,
  tryCommand,
  until,
  waiting,
  type CommandResult,
  type Look,
} from "../../system/index.js";
import { limitedWords } from "../netns/limits.js";
import { programs } from "../programs.js";
import type { UpSettings } from "../protocol.js";
import { asService, confined } from "./confinement.js";
import type { Homes, NodeProcess, NodeProcessOptions } from "./homes.js";
import { commandOf } from "./host-command.js";
import { NamespaceHome } from "./namespace-home.js";
import { makeNamespaces, settleSwitchboard } from "./network.js";
import { isBare, lastWordsIn, placesOf, type NodePlaces } from "./node-files.js";
import { NodeReports } from "./node-reports.js";

/**
 * The text is constant; the node's folder comes as $1, whether it runs FRR as $2. Where the machine has no /var/tmp/frr to
 * mount over (other packages of FRR do not use it) there is a private /var/tmp to make it in. /sys shows the network
 * devices of the namespace it was mounted in; where that is refused it shows the switchboard's, and nothing of ours reads it.
 */
const mounts = `
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/frr /run/lock || exit 71
if [ "$2" = frr ]; then
  [ -d /var/tmp/frr ] || { mount -t tmpfs tmpfs /var/tmp && mkdir /var/tmp/frr; } || exit 71
  [ -d /var/log/frr ] || { mount -t tmpfs tmpfs /var/log && mkdir /var/log/frr; } || exit 71
  mount --bind "$1/frr/etc" /etc/frr && mount --bind "$1/frr/tmp" /var/tmp/frr && mount --bind "$1/frr/log" /var/log/frr || exit 71
fi
mount -t sysfs sysfs /sys 2>/dev/null
echo "mounted $$" >&3
shift 2
exec "$@"
`;

/** For users who may not raise a priority: with 5 the agent's share is three times that of a node that competes with it. */
const nodeNiceness = 5;
const inhabitMsMax = 10_000;

interface Waits {
  readonly signal: AbortSignal;
}

/** Nodes as processes in namespaces of the agent's own sandbox. */
export const namespaceHomes = ({ smartbftGo }: Pick<UpSettings, "smartbftGo">): Homes => ({
  runtime: "netns",
  noun: "namespaces",
  versions: () => Promise.resolve({}),
  remove: () => Promise.resolve(),
  processFor: (options) => new NamespaceProcess(options, smartbftGo),
  settleSwitchboard,
  makeNamespaces,
  endAll: () => undefined, // the kernel ends them with the sandbox
  watch: () => undefined, // nobody else ends or starts a node here
});

class NamespaceProcess implements NodeProcess {
  node: PlannedNode;
  readonly places: NodePlaces;
  readonly home: NamespaceHome;
  readonly starting = false; // a child has its pid at once
  readonly #reports: NodeReports;
  #child: ChildProcess | undefined;
  #mountNamespace: FileHandle | undefined;

  readonly #smartbftGo: string;

  constructor(options: NodeProcessOptions, smartbftGo: string) {
    this.#smartbftGo = smartbftGo;
    this.node = options.node;
    this.places = placesOf(options.directory, options.node.name);
    this.#reports = new NodeReports(options.node, options.emit);
    const { isBare } = this;
    const held = (): string | undefined => this.#heldNamespace();
    this.home = new NamespaceHome(options.node, { held, close: () => this.#release(), isBare });
  }

  get isBare(): boolean {
    return isBare(this.node);
  }

  adopt(node: PlannedNode): void {
    this.node = node;
  }

  start(): void {
    this.#reports.again();
    if (!this.isBare) this.#startScript();
  }

  #startScript(): void {
    const { node, places } = this;
    const frr = node.frr === undefined ? "none" : "frr";
    const script = ["sh", "-c", mounts, "sh", places.folder, frr, programs.start, ...this.#command()];
    const args = [
      `--net=/run/netns/${node.name}`,
      "--",
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "--",
      ...script,
    ];
    this.#spawnService(args, { NODE_INTERFACES: interfacesText(node) });
  }

  restartService(): void {
    this.#spawnService([...this.#namespaces(), ...this.#command()]);
  }

  /** Another start script beside the service, which waits for no wires and stays as the daemons' parent. */
  restartFrr(): void {
    this.#reports.again();
    this.#spawn([...this.#namespaces(), programs.start], { NODE_LOOPBACK: "" });
  }

  daemons(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(this.#reports.daemons); // all of the sandbox is one pid namespace
  }

  /** Enters this node from anywhere inside the sandbox: nsenter with its arguments and a final `--`. */
  async enter(): Promise<readonly string[]> {
    if (this.isBare && this.#heldNamespace() === undefined) await this.#inhabit();
    return ["nsenter", ...this.#namespaces()];
  }

  /** A node without a process gets the start script's, and with it the mounts, when it is entered first. */
  async #inhabit(): Promise<void> {
    mkdirSync(this.places.folder, { recursive: true });
    if (this.pid === 0) this.#startScript();
    const look = (): Look<true> => {
      if (this.trouble !== "") throw new OperatingError(`Enter ${this.node.name}: ${this.trouble}`);
      return this.#heldNamespace() === undefined ? waiting("it has no mounts of its own yet") : there(true);
    };
    const signal = new AbortController().signal;
    await until(look, { timeoutMs: inhabitMsMax, everyMs: 2, signal, what: `a process in ${this.node.name}` });
  }

  #namespaces(): readonly string[] {
    const held = this.#heldNamespace();
    if (held === undefined) {
      throw new OperatingError(`Enter ${this.node.name}: it has no namespace, expected a node that runs`);
    }
    return [`--net=/run/netns/${this.node.name}`, `--mount=${held}`, "--"];
  }

  #heldNamespace(): string | undefined {
    const handle = this.#mountNamespace;
    return handle === undefined ? undefined : `/proc/${process.pid}/fd/${handle.fd}`;
  }

  #release(): void {
    const handle = this.#mountNamespace;
    this.#mountNamespace = undefined;
    handle?.close().catch((error: unknown) => this.#reports.fail(`let ${this.node.name} go: ${String(error)}`));
  }

  /** Pid in the sandbox of the service, or of the start script where there is none; 0 when it has ended. */
  get pid(): number {
    const ended = this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
    return ended ? 0 : (this.#child?.pid ?? 0);
  }

  get configured(): boolean {
    return this.#reports.configured;
  }

  get trouble(): string {
    return this.#reports.trouble;
  }

  async lastWords(): Promise<string> {
    return await lastWordsIn(this.places);
  }

  async ended(): Promise<void> {
    if (this.pid !== 0 && this.#child !== undefined) await once(this.#child, "exit");
  }

  run(command: readonly string[], { signal }: Waits): Promise<CommandResult> {
    return tryCommand("nsenter", [...this.#namespaces(), ...command], { signal });
  }

  #command(): readonly string[] {
    const { service } = this.node;
    if (service === undefined) {
      const command = commandOf(this.node);
      return command.length === 0 ? [] : confined(command, this.places.folder);
    }
    if (service.kind === "orderer" && service.implementation === "smartbft-go") {
      return [...asService, this.#smartbftGo, this.places.configuration];
    }
    // No --enable-source-maps: the first stack of an error would parse megabytes of map and hold the node up for half a
    // second, just when a connection breaks.
    return [...asService, process.execPath, programs.service, this.places.configuration];
  }

  #spawnService(args: readonly string[], environment: Readonly<Record<string, string>> = {}): void {
    const child = this.#spawn(args, environment);
    child.once("exit", (code, signal) => this.#reports.exited(child.pid ?? 0, signal ?? `exit code ${code}`));
    this.#child = child;
  }

  #spawn(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const output = openSync(join(this.places.folder, "service.log"), "a", 0o600);
    // The agent must come first. Where it could raise itself (main.ts) the nodes run as everybody does, else a little below.
    const niceness = getPriority() < 0 ? -getPriority() : nodeNiceness;
    const words = ["-n", String(niceness), ...limitedWords(this.places.folder, this.node), "nsenter", ...args];
    const child = spawn("nice", words, {
      stdio: ["ignore", output, output, "pipe"],
      cwd: this.places.folder,
      env: { ...nodeEnvironment(this.node, this.places), ...environment },
    });
    closeSync(output);
    const lines = new LineSplitter();
    child.stdio[3]?.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#hear(line);
    });
    child.once("error", (error) => this.#reports.fail(`start ${this.node.name}: ${error.message}`));
    return child;
  }

  #hear(line: string): void {
    const [what, pid] = line.split(" ");
    if (what === "mounted") this.#hold(Number(pid));
    else this.#reports.hear(line);
  }

  /** The pid is that of the process which reports, in our own pid namespace: it waits for nothing, so we must be quick or late. */
  #hold(pid: number): void {
    open(`/proc/${pid}/ns/mnt`).then(
      (file) => {
        this.#mountNamespace = file;
      },
      (error: unknown) => this.#reports.fail(`hold the mount namespace of ${this.node.name}: ${String(error)}`),
    );
  }
}

/** What the start script waits for (images/node/start); it changes with the lab, so that a node is told at each start. */
export const interfacesText = (node: PlannedNode): string =>
  node.interfaces.map((each) => `${each.name}=${each.address}`).join(" ");

/** Nothing of the user's own environment: gRPC obeys http_proxy, node NODE_OPTIONS, and a run must not depend on them. */
export function nodeEnvironment(node: PlannedNode, places: NodePlaces): Readonly<Record<string, string>> {
  return {
    PATH: toolPath(),
    LC_ALL: "C.UTF-8",
    HOME: places.folder,
    NODE_NAME: node.name,
    NODE_LOOPBACK: node.loopback,
    FRR_DAEMONS: node.frr?.daemons.join(" ") ?? "",
    FRR_LOG: join(places.folder, "daemons.log"),
    // The sandbox maps both names to what we are: see the reaper in netns/sandbox.ts.
    FRR_USER: "root",
    FRR_GROUP: "root",
  };
}
