// Hears every change of links and routes in every namespace of a lab through one `ip monitor … all-nsid` in the switchboard,
// and states each as an event stamped on receipt: what `ip -ts` prints is local wall time of the moment of printing (6.8).
// Namespaces are told apart by the numbers the lab gave them (`ip netns set NAME N`).
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Instant } from "../../base/index.js";
import type { LinkEvent, RouteEvent } from "../../boundary/index.js";
import {
  LineSplitter,
  now,
  OperatingError,
  runCommand,
  there,
  toolPath,
  until,
  waiting,
  type Look,
} from "../../system/index.js";
import { linkLine, namespaceOf, routeLine } from "./kernel-lines.js";

/** Room for a burst of changes in 200 namespaces; on overflow the kernel drops messages and the listener says so. */
const receiveBufferBytes = 8 * 1024 * 1024;

export interface ListenerOptions {
  /** Namespace number → node's name. */
  readonly nodeOf: (nsid: number) => string | undefined;
  /** `previous` is what was last heard of this interface. */
  readonly onLink: (event: LinkEvent, previous: LinkEvent | undefined) => void;
  readonly onRoute: (event: RouteEvent) => void;
  /** Something that was said and is no event, or its end: what it heard from then on is incomplete. */
  readonly onTrouble: (text: string) => void;
}

export class KernelListener implements AsyncDisposable {
  #options: ListenerOptions | undefined;
  /** What it had to complain of before there was anybody to tell. */
  readonly #untold: string[] = [];
  readonly #child: ChildProcess;
  readonly #links = new Map<string, LinkEvent>();
  /** Routes present by node and destination; not exact after `admin down`, which the kernel does not report route by route. */
  readonly #routes = new Map<string, Set<string>>();
  #heardCount = 0;
  #closing = false;

  /** Hears from now on; until `tell` nothing but its own question to `lo` is there to be heard. */
  constructor() {
    this.#child = spawn(
      "ip",
      ["-4", "-o", "-rcvbuf", String(receiveBufferBytes), "monitor", "link", "route", "all-nsid"],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PATH: toolPath(), LC_ALL: "C.UTF-8" } },
    );
    this.#listen();
  }

  /** From now on events go there. */
  tell(options: ListenerOptions): void {
    this.#options = options;
    for (const text of this.#untold.splice(0)) options.onTrouble(text);
  }

  #complain(text: string): void {
    if (this.#options === undefined) this.#untold.push(text);
    else this.#options.onTrouble(text);
  }

  /** Resolves when it hears: changes of the switchboard's own `lo` are made until one comes back. */
  async ready({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    await runCommand("ip", ["link", "set", "dev", "lo", "up"], { signal }); // the kernel reports aliases of what is up only
    let asks = 0;
    const look = async (): Promise<Look<true>> => {
      await runCommand("ip", ["link", "set", "dev", "lo", "alias", `heard-${++asks}`], { signal });
      await delay(2, undefined, { signal });
      return this.#heardCount > 0 ? there(true) : waiting("it heard no change of lo");
    };
    await until(look, { timeoutMs: 5_000, everyMs: 10, signal, what: "the kernel listener" });
  }

  /** State of an interface as last heard; undefined when never heard of. `node` "" is the switchboard. */
  link(node: string, name: string): LinkEvent | undefined {
    return this.#links.get(`${node}:${name}`);
  }

  /** The node's namespace has gone, and its routes with it: the kernel does not report them one by one. */
  forgetRoutes(node: string): void {
    this.#routes.delete(node);
  }

  hasRoute(node: string, destination: string): boolean {
    return this.#routes.get(node)?.has(destination) ?? false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    this.#child.kill("SIGKILL");
    await ended;
  }

  #listen(): void {
    const lines = new LineSplitter();
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      const at = now();
      for (const line of lines.push(chunk)) this.#hear(line, at);
    });
    const words = new LineSplitter();
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      for (const line of words.push(chunk)) this.#complain(`kernel listener: ${line}`);
    });
    this.#child.once("error", (error) => this.#complain(`kernel listener: ${error.message}`));
    this.#child.once("close", (code) => {
      if (!this.#closing) this.#complain(new OperatingError(`Kernel listener: ended with ${code}`).message);
    });
  }

  #hear(line: string, at: Instant): void {
    this.#heardCount++;
    const options = this.#options;
    if (options === undefined) return;
    const { nsid, text } = namespaceOf(line);
    const node = nsid === undefined ? "" : options.nodeOf(nsid);
    if (node === undefined) return; // a namespace somebody made inside a node is not part of the lab
    const link = linkLine(text);
    if (link !== undefined) this.#hearLink({ kind: "link", at, node, ...pick(link) }, options);
    const route = link === undefined ? routeLine(text) : undefined;
    if (route !== undefined) this.#hearRoute({ kind: "route", at, node, ...route }, options);
  }

  /** The kernel repeats itself (bridge membership, operational state): only changes are events. */
  #hearLink(event: LinkEvent, { onLink }: ListenerOptions): void {
    const key = `${event.node}:${event.interface}`;
    const last = this.#links.get(key);
    const same = last?.admin === event.admin && last.carrier === event.carrier && last.deleted === event.deleted;
    this.#links.set(key, event);
    if (!same) onLink(event, last);
  }

  #hearRoute(event: RouteEvent, { onRoute }: ListenerOptions): void {
    const routes = this.#routes.get(event.node) ?? new Set();
    if (event.action === "added") routes.add(event.destination);
    else routes.delete(event.destination);
    this.#routes.set(event.node, routes);
    onRoute(event);
  }
}

function pick(link: NonNullable<ReturnType<typeof linkLine>>): Omit<LinkEvent, "kind" | "at" | "node"> {
  return { interface: link.interface, admin: link.admin, carrier: link.carrier, deleted: link.deleted };
}
