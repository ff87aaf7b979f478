// The node's side of its control socket: a unix socket that only its owner may open. Requests come in and are answered in
// order, one JSON object a line; events go out on the same connection as `{"event":…,"n":…}`.
//
// One connection at a time reads events: the first, and when it closes the next one. `n` numbers events from 0. A reader
// that reconnects is sent again what the kernel may not have delivered to the last one and skips the numbers it has seen.
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { after, seconds } from "../base/index.js";
import type { ControlAnswer, ControlRequest } from "../boundary/index.js";
import { DeadlineTimer, jsonLine, LineSplitter, now } from "../system/index.js";
import type { EventLog } from "./events.js";

export type Facts = Extract<ControlAnswer, { good: true }>["facts"];
/** Carries a request out; what it throws becomes the answer's error. */
export type Answerer = (request: ControlRequest) => Facts | Promise<Facts>;

/** Lines in one write: several per turn of the event loop, never the whole backlog in one string. */
const linesPerWriteMax = 2_000;
const requestSizeMax = 1024 * 1024;

export class ControlServer implements AsyncDisposable {
  readonly #log: EventLog;
  readonly #answer: Answerer;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #reader: Socket | undefined;
  #cursor = 0;
  #blocked = false;
  #scheduled = false;

  private constructor(log: EventLog, answer: Answerer) {
    this.#log = log;
    this.#answer = answer;
    this.#server = createServer((socket) => this.#accept(socket));
    log.onAppend = () => this.#schedule();
  }

  /** Listens on `path`, replacing what a dead predecessor left there. Caller disposes. */
  static async listen(path: string, log: EventLog, answer: Answerer): Promise<ControlServer> {
    await rm(path, { force: true });
    const control = new ControlServer(log, answer);
    // The mask makes the socket 0600 from its first instant; a chmod afterwards would leave a gap.
    const mask = process.umask(0o177);
    try {
      control.#server.listen(path);
    } finally {
      process.umask(mask);
    }
    await once(control.#server, "listening");
    return control;
  }

  /** Writes out what is left, then closes. Resolves also when the reader does not read any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#pump();
    await Promise.all([...this.#connections].map((socket) => this.#end(socket)));
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    const splitter = new LineSplitter(requestSizeMax);
    let answered: Promise<void> = Promise.resolve();
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const line of splitter.push(chunk)) answered = answered.then(() => this.#serve(socket, line));
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    // A reset by the reader ends the connection: `close` follows and says all that matters here.
    socket.on("error", () => socket.destroy());
    socket.on("drain", () => {
      this.#blocked = false;
      this.#schedule();
    });
    socket.on("close", () => this.#forget(socket));
    if (this.#reader === undefined) this.#read(socket);
  }

  #read(socket: Socket): void {
    this.#reader = socket;
    this.#cursor = this.#log.first;
    this.#blocked = false;
    this.#schedule();
  }

  #forget(socket: Socket): void {
    this.#connections.delete(socket);
    if (this.#reader !== socket) return;
    this.#reader = undefined;
    const [next] = this.#connections;
    if (next !== undefined) this.#read(next);
  }

  async #serve(socket: Socket, line: string): Promise<void> {
    const answer = await this.#answerTo(line);
    if (socket.writable) socket.write(jsonLine(answer));
  }

  async #answerTo(line: string): Promise<ControlAnswer> {
    const request = requestFrom(line);
    if (request === undefined)
      return { id: 0, good: false, error: "Expected a JSON object with a number `id` and a text `do`" };
    try {
      return { id: request.id, good: true, facts: await this.#answer(request) };
    } catch (error) {
      return { id: request.id, good: false, error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** One write per turn of the event loop, however many events came in it. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const reader = this.#reader;
    while (reader?.writable === true && !this.#blocked && this.#cursor < this.#log.next) {
      const { text, next } = this.#log.read(this.#cursor, linesPerWriteMax);
      this.#cursor = next;
      this.#blocked = !reader.write(text, () => this.#log.release(next));
    }
  }

  async #end(socket: Socket): Promise<void> {
    if (socket.destroyed) return;
    const closed = once(socket, "close");
    socket.end();
    // A reader that is stopped would keep us; what the kernel has taken it still gets.
    using impatience = new DeadlineTimer(() => socket.destroy());
    impatience.set(after(now(), seconds(1)));
    await closed;
  }
}

/** The request in a line, checked as far as dispatch needs it; its fields are checked by who carries it out. */
function requestFrom(line: string): ControlRequest | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("id" in value) || !("do" in value)) return undefined;
    // The socket is the owner's: the agent speaks the contract, and an unknown `do` is refused by name in the answer.
    return typeof value.id === "number" && typeof value.do === "string" ? (value as ControlRequest) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
