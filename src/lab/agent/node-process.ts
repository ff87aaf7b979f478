// One node's processes: the start script in the node's network namespace and a mount namespace of its own (so that FRR's
// fixed places, /etc/frr, /run/frr …, are this node's), its FRR daemons, and the service it becomes. The start script says
// on descriptor 3 what happens to each; the mount namespace is held open here, so that a node can be entered, and its
// service started again, after the process that made it has gone.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import type { ProcessEvent } from "../../boundary/index.js";
import type { PlannedNode } from "../../plan/index.js";
import { LineSplitter, now, OperatingError, readTextIfThere, toolPath } from "../../system/index.js";
import { programs } from "../programs.js";
import { placesOf, type NodePlaces } from "./node-files.js";

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

export interface NodeProcessOptions {
  readonly directory: string;
  readonly node: PlannedNode;
  readonly emit: (event: ProcessEvent) => void;
}

export class NodeProcess {
  readonly node: PlannedNode;
  readonly places: NodePlaces;
  readonly #emit: (event: ProcessEvent) => void;
  /** Daemons that ended, with how; they stay ended until the lab goes. */
  readonly #dead = new Map<string, string>();
  #child: ChildProcess | undefined;
  #mountNamespace: FileHandle | undefined;
  #configured: boolean;
  #failure = "";

  constructor(options: NodeProcessOptions) {
    this.node = options.node;
    this.places = placesOf(options.directory, options.node.name);
    this.#emit = options.emit;
    this.#configured = options.node.frr === undefined;
  }

  start(): void {
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
    this.#spawn(args);
  }

  /** Starts the service again, in the namespaces that the node still has. */
  restartService(): void {
    this.#spawn([...this.enter(), ...this.#command()]);
  }

  /** Arguments of nsenter, with a final `--`, that enter this node from anywhere inside the sandbox. */
  enter(): readonly string[] {
    if (this.#mountNamespace === undefined) {
      throw new OperatingError(`Enter ${this.node.name}: it has no namespace yet, expected a node that has started`);
    }
    return [`--net=/run/netns/${this.node.name}`, `--mount=/proc/${process.pid}/fd/${this.#mountNamespace.fd}`, "--"];
  }

  /** Pid in the sandbox of the service, or of the start script where there is none; 0 when it has ended. */
  get pid(): number {
    const ended = this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
    return ended ? 0 : (this.#child?.pid ?? 0);
  }

  /** FRR has its configuration; at once true for a node without FRR. */
  get configured(): boolean {
    return this.#configured;
  }

  /** What is wrong with this node's processes, for a person; empty when nothing is. */
  get trouble(): string {
    const dead = [...this.#dead].map(([name, how]) => `${name} in ${this.node.name} ${how}`);
    return [this.#failure, ...dead].filter((text) => text !== "").join("; ");
  }

  /** The last lines that the start script and the service have printed. */
  async lastWords(): Promise<string> {
    const text = (await readTextIfThere(join(this.places.folder, "service.log"))) ?? "";
    return text.trimEnd().split("\n").slice(-8).join("\n");
  }

  /** Resolves when the present service process has ended; at once when there is none. */
  async ended(): Promise<void> {
    if (this.pid !== 0 && this.#child !== undefined) await once(this.#child, "exit");
  }

  #command(): readonly string[] {
    if (this.node.service === undefined) return this.node.command;
    // No --enable-source-maps: the first stack of an error would parse megabytes of map and hold the node up for half a
    // second, just when a connection breaks.
    return [process.execPath, programs.service, this.places.configuration];
  }

  #spawn(args: readonly string[]): void {
    const output = openSync(join(this.places.folder, "service.log"), "a", 0o600);
    // The agent must come first. Where it could raise itself (main.ts) the nodes run as everybody does, else a little below.
    const niceness = getPriority() < 0 ? -getPriority() : nodeNiceness;
    const child = spawn("nice", ["-n", String(niceness), "nsenter", ...args], {
      stdio: ["ignore", output, output, "pipe"],
      cwd: this.places.folder,
      env: this.#environment(),
    });
    closeSync(output);
    const lines = new LineSplitter();
    child.stdio[3]?.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#hear(line);
    });
    child.once("error", (error) => {
      this.#failure = `start ${this.node.name}: ${error.message}`;
    });
    child.once("exit", (code, signal) => this.#exited(child, signal ?? `exit code ${code}`));
    this.#child = child;
  }

  #environment(): Readonly<Record<string, string>> {
    const { node, places } = this;
    // Nothing of the user's own environment: gRPC obeys http_proxy, node NODE_OPTIONS, and a run must not depend on them.
    return {
      PATH: toolPath(),
      LC_ALL: "C.UTF-8",
      HOME: places.folder,
      NODE_NAME: node.name,
      NODE_INTERFACES: node.interfaces.map((each) => `${each.name}=${each.address}`).join(" "),
      NODE_LOOPBACK: node.loopback,
      FRR_DAEMONS: node.frr?.daemons.join(" ") ?? "",
      FRR_CONFIGURATION: places.frrConfiguration,
      FRR_LOG: join(places.folder, "daemons.log"),
      // The sandbox maps both names to what we are: see the reaper in netns/sandbox.ts.
      FRR_USER: "root",
      FRR_GROUP: "root",
    };
  }

  #hear(line: string): void {
    const [what = "", name = "", value = ""] = line.split(" ");
    switch (what) {
      case "mounted":
        this.#hold(Number(name));
        return;
      case "started":
        // A service of ours says so itself, on its control socket.
        if (name !== "service" || this.node.service === undefined)
          this.#tell(this.#nameOf(name), "started", Number(value), "");
        return;
      case "ready":
        this.#tell(name, "ready", Number(value), "");
        return;
      case "ended": {
        const how = `ended with ${Number(value) > 128 ? `signal ${Number(value) - 128}` : `exit code ${value}`}`;
        this.#dead.set(name, how);
        this.#tell(name, "ended", 0, how);
        return;
      }
      case "configured":
        this.#configured = true;
        return;
      case "failed":
        this.#failure = `${this.node.name}: ${line.slice(what.length + 1)}`;
    }
  }

  #exited(child: ChildProcess, how: string): void {
    if (this.node.service === undefined && this.node.command.length === 0) {
      this.#failure ||= `start script of ${this.node.name} ended with ${how}`;
    }
    this.#tell(this.#nameOf("service"), "ended", child.pid ?? 0, how);
  }

  #nameOf(name: string): string {
    if (name !== "service") return name;
    return this.node.service?.kind ?? (this.node.command.length > 0 ? "command" : "start");
  }

  #tell(process: string, state: ProcessEvent["state"], pid: number, detail: string): void {
    this.#emit({ kind: "process", at: now(), node: this.node.name, process, pid, state, detail });
  }

  /** The pid is that of the process which reports, in our own pid namespace: it waits for nothing, so we must be quick or late. */
  #hold(pid: number): void {
    open(`/proc/${pid}/ns/mnt`).then(
      (file) => {
        this.#mountNamespace = file;
      },
      (error: unknown) => {
        this.#failure = `hold the mount namespace of ${this.node.name}: ${String(error)}`;
      },
    );
  }
}
