// Nodes as real processes on loopback addresses, for tests of the hosts: bundles the node's entry once, writes
// configurations, starts processes, and reads their control sockets. No namespaces and no privileges are needed.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { milliseconds, nodeId, seconds } from "../../src/base/index.js";
import type {
  ControlAnswer,
  ControlRequest,
  Event,
  Implementation,
  NodeConfig,
  TransportSettings,
} from "../../src/boundary/index.js";
import { smartbftGo } from "../../src/lab/index.js";
import { libraryOptions, type ProtocolOptions } from "../../src/smartbft/index.js";
import { LineSplitter, newKeyPair, now } from "../../src/system/index.js";

const root = join(import.meta.dirname, "..", "..");

export const fastOptions: ProtocolOptions = {
  ...libraryOptions,
  // As Fabric's sample channel. Ten times faster, a node that comes back syncs again and again (smartbft.md 9.3).
  requestBatchMaxInterval: milliseconds(200),
  collectTimeout: milliseconds(300),
  requestPoolSize: 10_000,
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: milliseconds(1500),
  viewChangeResendInterval: seconds(1),
  viewChangeTimeout: seconds(5),
  leaderHeartbeatTimeout: seconds(5),
  leaderHeartbeatCount: 5,
  tickInterval: milliseconds(100),
};

export const fastTransport: TransportSettings = {
  broadcast: "parallel",
  connectTimeout: seconds(2),
  keepaliveTime: seconds(10),
  keepaliveTimeout: seconds(5),
  reconnectBackoffBase: milliseconds(100),
  reconnectBackoffMax: seconds(1),
  tcpUserTimeout: seconds(20),
  tcpSynRetries: 1,
  sendBufferMessages: 100,
  tcpCongestionControl: "cubic",
  ingress: "shared",
};

type WithoutId<R> = R extends ControlRequest ? Omit<R, "id"> : never;

/** One running process and what it has said so far. */
export class RunningNode implements AsyncDisposable {
  readonly config: NodeConfig;
  readonly process: ChildProcess;
  readonly events: Event[] = [];
  readonly numbers: number[] = [];
  stderr = "";
  readonly #watchers = new Set<() => void>();
  readonly #answers = new Map<number, (answer: ControlAnswer) => void>();
  #socket: Socket | undefined;
  #next = 1;

  constructor(config: NodeConfig, program: readonly string[], configPath: string, under: readonly string[]) {
    this.config = config;
    const [command, ...rest] = [...under, ...program, configPath];
    this.process = spawn(command, rest, { stdio: ["ignore", "inherit", "pipe"] });
    this.process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  /** Connects to the control socket as soon as it is there. */
  async attach(): Promise<void> {
    const deadline = now() + seconds(20);
    while (this.#socket === undefined) {
      if (this.process.exitCode !== null) throw new Error(`${this.config.name} ended: ${this.stderr}`);
      if (now() > deadline) throw new Error(`${this.config.name} has no control socket: ${this.stderr}`);
      this.#socket = await tryConnect(this.config.controlSocket);
    }
    const splitter = new LineSplitter();
    this.#socket.on("data", (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.#take(JSON.parse(line));
      for (const watcher of this.#watchers) watcher();
    });
  }

  ask(request: WithoutId<ControlRequest>): Promise<ControlAnswer> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#socket?.write(`${JSON.stringify({ ...request, id })}\n`);
    });
  }

  /** The first event from `from` on that satisfies the question, seen already or still to come. */
  async until<E extends Event>(what: string, question: (event: Event) => event is E, from?: number): Promise<E>;
  async until(what: string, question: (event: Event) => boolean, from?: number): Promise<Event>;
  async until(what: string, question: (event: Event) => boolean, from = 0): Promise<Event> {
    let looked = from;
    const give = AbortSignal.timeout(30_000);
    for (;;) {
      for (; looked < this.events.length; looked++) {
        const event = this.events[looked];
        if (event !== undefined && question(event)) return event;
      }
      if (give.aborted || this.process.exitCode !== null) {
        const tail = this.events
          .slice(-15)
          .map((event) => JSON.stringify(event))
          .join("\n");
        throw new Error(`${this.config.name}: no ${what}; stderr: ${this.stderr}; last events:\n${tail}`);
      }
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#watchers.delete(done);
          this.process.off("exit", done);
          give.removeEventListener("abort", done);
          resolve();
        };
        this.#watchers.add(done);
        give.addEventListener("abort", done);
        this.process.once("exit", done);
      });
    }
  }

  end(signal: NodeJS.Signals): Promise<number | null> {
    this.process.kill(signal);
    return this.ended();
  }

  /** Exit code; null when a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, "exit");
    return this.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    this.#socket?.destroy();
  }

  #take(line: ControlAnswer | { readonly event: Event; readonly n: number }): void {
    if ("event" in line) {
      this.events.push(line.event);
      this.numbers.push(line.n);
      return;
    }
    this.#answers.get(line.id)?.(line);
    this.#answers.delete(line.id);
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => setTimeout(() => resolve(undefined), 20));
  });
}

export interface ClusterOptions {
  readonly orderers: number;
  readonly options?: Partial<ProtocolOptions>;
  readonly transport?: Partial<TransportSettings>;
  /** What orderer1, orderer2 … are; those that are not named are ours. */
  readonly implementations?: readonly Implementation[];
  /** True unless said otherwise: `message` events for every message. */
  readonly messageTrace?: boolean;
  /** Third octet of 127.x.y.z: keeps tests that run at once apart. */
  readonly octet: number;
}

/** Configurations on disk, processes on demand. */
export class LoopbackCluster implements AsyncDisposable {
  readonly folder: string;
  readonly configs: readonly NodeConfig[];
  readonly running = new Map<string, RunningNode>();
  /** Command, by node, that its process is started under; it must become that process, not its parent. */
  readonly under = new Map<string, readonly string[]>();
  readonly #bundle: string;
  /** Path of the Go program, empty where no orderer is one. */
  readonly #goProgram: string;

  private constructor(folder: string, configs: readonly NodeConfig[], bundle: string, goProgram: string) {
    this.folder = folder;
    this.configs = configs;
    this.#bundle = bundle;
    this.#goProgram = goProgram;
  }

  /** `orderer1`…, `peer1` and `client1`, none of them started. */
  static async prepare(wanted: ClusterOptions): Promise<LoopbackCluster> {
    const folder = await mkdtemp(join(tmpdir(), "testbed-nodes-"));
    // Inside the project, so that koffi, which stays outside the bundle, is found.
    const bundle = join(root, "node_modules", ".cache", "testbed-tests", `node-${process.pid}.mjs`);
    await build({
      entryPoints: [join(root, "src", "node", "main.ts")],
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "inline",
      external: ["koffi"],
      banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
      logLevel: "error",
    });
    const isMixed = wanted.implementations?.includes("smartbft-go") === true;
    const goProgram = isMixed ? await smartbftGo({ signal: AbortSignal.timeout(600_000) }) : "";
    return new LoopbackCluster(folder, await writeConfigs(folder, wanted), bundle, goProgram);
  }

  /** Starts the named nodes, or all, orderers first, and waits until each says `ready`. */
  async start(...names: readonly string[]): Promise<void> {
    if (names.length === 0) {
      const isOrderer = ({ kind }: NodeConfig): boolean => kind === "orderer";
      await this.start(...this.configs.filter(isOrderer).map(({ name }) => name));
      return this.start(...this.configs.filter((config) => !isOrderer(config)).map(({ name }) => name));
    }
    const chosen = this.configs.filter(({ name }) => names.includes(name));
    await Promise.all(
      chosen.map(async (config) => {
        const node = new RunningNode(
          config,
          this.#programOf(config),
          join(this.folder, config.name, "config.json"),
          this.under.get(config.name) ?? [],
        );
        this.running.set(config.name, node);
        await node.attach();
        await node.until("ready", (event) => event.kind === "process" && event.state === "ready");
      }),
    );
  }

  /** A second process for a node's address, with a folder and socket of its own. Caller waits for its end. */
  async startTwin(name: string): Promise<RunningNode> {
    const config = this.node(name).config;
    const folder = join(this.folder, `${name}-twin`);
    const twin = { ...config, dataDirectory: join(folder, "data"), controlSocket: join(folder, "control.sock") };
    await mkdir(folder);
    await writeFile(join(folder, "config.json"), JSON.stringify(twin));
    return new RunningNode(twin, this.#programOf(config), join(folder, "config.json"), []);
  }

  node(name: string): RunningNode {
    const node = this.running.get(name);
    if (node === undefined) throw new Error(`${name} was not started`);
    return node;
  }

  #programOf(config: NodeConfig): readonly string[] {
    const isGo = config.kind === "orderer" && config.implementation === "smartbft-go";
    return isGo ? [this.#goProgram] : [process.execPath, this.#bundle];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.running.values()].map((node) => node[Symbol.asyncDispose]()));
    await rm(this.folder, { recursive: true, force: true });
    await rm(this.#bundle, { force: true });
  }
}

async function writeConfigs(folder: string, wanted: ClusterOptions): Promise<readonly NodeConfig[]> {
  const address = (last: number): string => `127.77.${wanted.octet}.${last}`;
  const ids = Array.from({ length: wanted.orderers }, (_, index) => index + 1);
  const keys = new Map(["peer1", "client1", ...ids.map((id) => `orderer${id}`)].map((name) => [name, newKeyPair()]));
  const publicKey = (name: string): string => keys.get(name)?.publicKey ?? "";
  const consenters = ids.map((id) => ({
    id: nodeId(id),
    name: `orderer${id}`,
    address: address(id),
    port: 7050,
    publicKey: publicKey(`orderer${id}`),
  }));
  const base = (name: string) => ({
    format: 1 as const,
    name,
    channel: "testchannel",
    privateKeyFile: join(folder, name, "key.pem"),
    dataDirectory: join(folder, name, "data"),
    controlSocket: join(folder, name, "control.sock"),
    consenters,
    clients: [{ name: "client1", mspId: "Org1MSP", publicKey: publicKey("client1") }],
    transport: { ...fastTransport, ...wanted.transport },
    seed: "1",
  });
  const configs: NodeConfig[] = [
    ...consenters.map(({ id, name, address: own, port }) => ({
      ...base(name),
      kind: "orderer" as const,
      implementation: wanted.implementations?.[id - 1] ?? "testbed",
      id,
      address: own,
      port,
      options: { ...fastOptions, ...wanted.options },
      tickPhase: milliseconds(10 * id),
      messageTrace: wanted.messageTrace ?? true,
    })),
    {
      ...base("peer1"),
      kind: "peer",
      address: address(100),
      blockSources: [`orderer${wanted.orderers}`],
      censorshipTimeout: seconds(2),
      reconnectBackoffBase: milliseconds(100),
      reconnectBackoffMax: seconds(1),
    },
    { ...base("client1"), kind: "client", address: address(101), mspId: "Org1MSP" },
  ];
  for (const config of configs) {
    await mkdir(join(folder, config.name));
    await writeFile(config.privateKeyFile, keys.get(config.name)?.privateKey ?? "", { mode: 0o600 });
    await writeFile(join(folder, config.name, "config.json"), JSON.stringify(config));
  }
  return configs;
}
