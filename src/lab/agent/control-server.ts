// The lab's control socket: owner-only, one JSON object a line. Requests of one connection are answered as they finish, each
// with its id; who asked to wait for the lab hears its progress.
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { jsonLine, LineSplitter } from "../../system/index.js";
import type { Progress } from "../contract.js";
import { badAnswer, type AgentLine, type LabRequest, type NumberedRequest } from "../protocol.js";

/** `closed` fires when the connection that asked has gone. */
export type Answerer = (request: LabRequest, options: { readonly closed: AbortSignal }) => Promise<unknown>;

const requestBytesMax = 4 * 1024 * 1024;

export class ControlServer {
  readonly #server: Server;
  readonly #answer: Answerer;
  readonly #listeners = new Set<Duplex>();

  private constructor(answer: Answerer) {
    this.#answer = answer;
    this.#server = createServer((socket) => this.accept(socket));
  }

  static async listen(path: string, answer: Answerer): Promise<ControlServer> {
    const control = new ControlServer(answer);
    // The mask makes the socket 0600 from its first instant.
    const mask = process.umask(0o177);
    try {
      control.#server.listen(path);
      await once(control.#server, "listening");
    } finally {
      process.umask(mask);
    }
    return control;
  }

  progress(progress: Progress): void {
    for (const socket of this.#listeners) write(socket, { progress });
  }

  /** Serves whoever speaks there. */
  accept(socket: Duplex): void {
    const lines = new LineSplitter(requestBytesMax);
    const closing = new AbortController();
    socket.on("error", () => socket.destroy()); // "close" follows
    socket.once("close", () => {
      this.#listeners.delete(socket);
      closing.abort();
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) void this.#serve(socket, line, closing.signal);
      } catch (error) {
        write(socket, badAnswer(0, error));
        socket.destroy();
      }
    });
  }

  async #serve(socket: Duplex, line: string, closed: AbortSignal): Promise<void> {
    let id = 0;
    try {
      const request = JSON.parse(line) as NumberedRequest; // the socket is the owner's; what is unknown is refused by name
      id = request.id;
      if (request.do === "await-up" || request.do === "reconcile") this.#listeners.add(socket);
      write(socket, { id, good: true, result: (await this.#answer(request, { closed })) ?? null });
    } catch (error) {
      write(socket, badAnswer(id, error));
    }
  }
}

function write(socket: Duplex, line: AgentLine): void {
  if (socket.writable) socket.write(jsonLine(line));
}
