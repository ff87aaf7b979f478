// One connection to an agent's control socket, or to a relay that ends there: numbered requests out, answers in, progress on the way.
import { once } from "node:events";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { hasCode, jsonLine, LineSplitter, OperatingError } from "../../system/index.js";
import type { AgentAnswer, Progress } from "../contract.js";
import { errorFrom, type AgentLine, type LabRequest } from "../protocol.js";

interface Waiter {
  readonly resolve: (answer: AgentAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class AgentConnection implements Disposable {
  readonly #socket: Duplex;
  readonly #waiters = new Map<number, Waiter>();
  #onProgress: (progress: Progress) => void = () => undefined;
  #count = 0;

  /** Takes the stream over. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    const lines = new LineSplitter();
    socket.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#hear(line);
    });
    socket.on("error", () => socket.destroy()); // "close" follows and tells the waiters
    socket.once("end", () => socket.destroy());
    socket.once("close", () => {
      for (const waiter of this.#waiters.values()) {
        waiter.reject(new OperatingError("Ask the agent: the connection closed, expected an answer; the lab is gone"));
      }
      this.#waiters.clear();
    });
  }

  /** Undefined when nobody listens there. Caller disposes. */
  static async open(path: string): Promise<AgentConnection | undefined> {
    const socket = createConnection(path);
    try {
      await once(socket, "connect");
    } catch (error) {
      if (hasCode(error, "ENOENT", "ECONNREFUSED")) return undefined;
      throw error;
    }
    return new AgentConnection(socket);
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  set onProgress(listener: (progress: Progress) => void) {
    this.#onProgress = listener;
  }

  /** The result; rejects with the agent's error as an error of the same class. */
  async request(request: LabRequest, { signal }: { readonly signal: AbortSignal }): Promise<unknown> {
    const answer = await this.#send(request, signal);
    if (answer.good) return answer.result;
    throw errorFrom(answer);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #send(request: LabRequest, signal: AbortSignal): Promise<AgentAnswer> {
    signal.throwIfAborted();
    if (this.#socket.destroyed) throw new OperatingError("Ask the agent: not connected any more; the lab is gone");
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiters.delete(id);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      signal.addEventListener("abort", abort, { once: true });
      const settled =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          signal.removeEventListener("abort", abort);
          then(value);
        };
      this.#waiters.set(id, { resolve: settled(resolve), reject: settled(reject) });
      this.#socket.write(jsonLine({ id, ...request }));
    });
  }

  #hear(line: string): void {
    let message: AgentLine;
    try {
      message = JSON.parse(line) as AgentLine; // the agent is the same version: lab.json's format was checked
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#socket.destroy(); // an engine says in plain words that the relay could not be started
      return;
    }
    if ("progress" in message) {
      this.#onProgress(message.progress);
      return;
    }
    const waiter = this.#waiters.get(message.id);
    this.#waiters.delete(message.id);
    waiter?.resolve(message);
  }
}
