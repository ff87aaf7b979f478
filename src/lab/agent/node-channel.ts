// The agent's end of a node's control socket: requests in, everything the node emits out. The node numbers its events; after
// a reconnect it repeats what may have been lost, and what was already heard is skipped.
import type { Socket } from "node:net";
import type { ControlAnswer, ControlRequest, Event } from "../../boundary/index.js";
import {
  jsonLine,
  LineSplitter,
  lookForListener,
  now,
  OperatingError,
  there,
  until,
  waiting,
  type Look,
} from "../../system/index.js";
import type { EventLog } from "./event-log.js";

type Facts = Extract<ControlAnswer, { good: true }>["facts"];
type Unnumbered<R> = R extends ControlRequest ? Omit<R, "id"> : never;

interface Waiter {
  readonly resolve: (answer: ControlAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class NodeChannel {
  readonly #node: string;
  readonly #path: string;
  readonly #log: EventLog;
  readonly #waiters = new Map<number, Waiter>();
  #socket: Socket | undefined;
  #count = 0;
  /** Number the next event of this process must at least have. */
  #nextEvent = 0;

  constructor(node: string, path: string, log: EventLog) {
    this.#node = node;
    this.#path = path;
    this.#log = log;
  }

  /** Connects as soon as somebody listens: a new process, whose events count from 0. */
  async connect(options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly trouble: () => string;
  }): Promise<void> {
    const look = async (): Promise<Look<Socket>> => {
      if (options.trouble() !== "")
        throw new OperatingError(`Wait for the service of ${this.#node}: ${options.trouble()}`);
      return lookForListener(this.#path);
    };
    const { timeoutMs, signal } = options;
    const socket = await until(look, { timeoutMs, everyMs: 10, signal, what: `the service of ${this.#node}` });
    this.#nextEvent = 0;
    this.#socket = socket;
    this.#serve(socket);
  }

  /** Resolves when the service says that it is ready, not merely alive. */
  async untilReady(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void> {
    const look = async (): Promise<Look<true>> => {
      const facts = await this.request({ do: "status" }, options);
      return facts["ready"] === true ? there(true) : waiting("it answers that it is not ready");
    };
    await until(look, { ...options, everyMs: 20, what: `the service of ${this.#node} to be ready` });
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  /** Facts of the answer; rejects with the node's error, when it does not answer in time, or when it is gone. */
  async request(request: Unnumbered<ControlRequest>, options: { readonly timeoutMs: number }): Promise<Facts> {
    const socket = this.#socket;
    if (socket === undefined) throw new OperatingError(`Ask ${this.#node} to "${request.do}": it is not connected`);
    const id = ++this.#count;
    const answer = await new Promise<ControlAnswer>((resolve, reject) => {
      const timeout = AbortSignal.timeout(options.timeoutMs);
      timeout.addEventListener("abort", () => {
        this.#waiters.delete(id);
        reject(new OperatingError(`Ask ${this.#node} to "${request.do}": no answer after ${options.timeoutMs} ms`));
      });
      this.#waiters.set(id, { resolve, reject });
      socket.write(jsonLine({ id, ...request }));
    });
    if (answer.good) return answer.facts;
    throw new OperatingError(`Ask ${this.#node} to "${request.do}": it refused and said "${answer.error}"`);
  }

  #serve(socket: Socket): void {
    socket.on("error", () => socket.destroy()); // "close" follows
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
      for (const waiter of this.#waiters.values())
        waiter.reject(new OperatingError(`Ask ${this.#node}: it closed the connection`));
      this.#waiters.clear();
    });
    this.#read(socket).catch((error: unknown) => {
      socket.destroy();
      this.#complain(`reading its events failed: ${String(error)}`);
    });
  }

  async #read(socket: Socket): Promise<void> {
    const lines = new LineSplitter();
    // Waiting between chunks lets a full disk slow the node down instead of filling the memory.
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      for (const line of lines.push(chunk)) this.#hear(line);
      await this.#log.room();
    }
    // What the kernel had of it was read to its end. What the process had not written is known to nobody.
    const cut = lines.rest === "" ? "" : ", one was cut short";
    this.#complain(
      `closed its control connection; events heard: ${this.#nextEvent}${cut}; what it had not sent is lost`,
    );
  }

  #hear(line: string): void {
    const message: unknown = JSON.parse(line);
    if (typeof message !== "object" || message === null) return this.#complain(`sent "${line.slice(0, 100)}"`);
    if ("event" in message) {
      const number = "n" in message && typeof message.n === "number" ? message.n : this.#nextEvent;
      if (number < this.#nextEvent) return;
      if (number > this.#nextEvent) this.#lose(number - this.#nextEvent);
      this.#nextEvent = number + 1;
      if (isEvent(message.event)) this.#log.emit(message.event, textOfEvent(line));
      else this.#complain(`sent an event that is none: "${line.slice(0, 200)}"`);
      return;
    }
    const answer = message as ControlAnswer; // the node's program is ours; an id we do not wait for is dropped below
    const waiter = this.#waiters.get(answer.id);
    this.#waiters.delete(answer.id);
    waiter?.resolve(answer);
  }

  /** In the words of a node that had no room for its events: whoever judges the record counts them. */
  #lose(count: number): void {
    this.#log.emit({ kind: "log", at: now(), node: this.#node, process: "control", text: `events lost: ${count}` });
  }

  #complain(text: string): void {
    this.#log.emit({ kind: "log", at: now(), node: this.#node, process: "agent", text: `${this.#node} ${text}` });
  }
}

/** The event's own text, where the line has the form that our nodes write: saves encoding again what came encoded. */
function textOfEvent(line: string): string | undefined {
  const end = line.lastIndexOf(',"n":');
  return line.startsWith('{"event":{') && end > 0 ? `${line.slice('{"event":'.length, end)}\n` : undefined;
}

/** Enough to place it: who folds events asks for the rest. */
function isEvent(value: unknown): value is Event {
  if (typeof value !== "object" || value === null) return false;
  return (
    "kind" in value &&
    typeof value.kind === "string" &&
    "at" in value &&
    Number.isSafeInteger(value.at) &&
    "node" in value
  );
}
