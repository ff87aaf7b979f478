// The serving end of a node: accepts connections, and hands each stream to what serves its method. Says of every stream that
// it opened and closed, as node/inbound.ts does.
import type { StreamEvent, TransportSettings } from "../../boundary/index.js";
import type { Method } from "../../fabric/index.js";
import { Session, type Frame } from "./session.js";
import type { Site } from "./site.js";
import type { TcpEnd } from "./tcp.js";

/** A stream that another node opened. */
export interface InboundStream {
  /** Address and port of the other side. */
  readonly peer: string;
  readonly sender: number | undefined;
  /** `taken`: there is room for another. */
  write(bytes: Uint8Array, taken?: () => void): void;
  /** Ends it with gRPC's OK. */
  end(): void;
  /** What comes meanwhile is not read. */
  pause(): void;
  resume(): void;
}

export interface Serving {
  /** Whom events about the stream name. */
  readonly peer: string;
  readonly received: (bytes: Uint8Array) => void;
  /** The stream is gone, from either side. */
  readonly closed: () => void;
}

export type Serve = (stream: InboundStream) => Serving;

const serviceOf: Readonly<Record<Method, StreamEvent["service"]>> = {
  step: "cluster",
  broadcast: "broadcast",
  deliver: "deliver",
};

export class Server {
  readonly #site: Site;
  readonly #settings: TransportSettings;
  readonly #methods: Readonly<Record<Method, Serve>>;
  readonly #connections = new Set<Connection>();

  constructor(site: Site, settings: TransportSettings, methods: Readonly<Record<Method, Serve>>) {
    this.#site = site;
    this.#settings = settings;
    this.#methods = methods;
    site.transport.listen(site.name, {
      listens: () => site.process.alive,
      accept: (end) => site.process.run(() => this.#accept(end)),
    });
  }

  /** The process died. */
  abandon(): void {
    for (const connection of this.#connections) connection.session?.abandon();
  }

  #accept(end: TcpEnd<Frame>): void {
    const connection = new Connection(this.#site, end.options.remote, this.#methods);
    this.#connections.add(connection);
    connection.session = new Session(this.#site, end, this.#settings, {
      frame: (frame) => connection.frame(frame),
      ready: () => undefined,
      over: () => {
        this.#connections.delete(connection);
        connection.over();
      },
    });
  }
}

interface Open {
  readonly serving: Serving;
  readonly service: StreamEvent["service"];
}

class Connection {
  session: Session | undefined;
  readonly #site: Site;
  readonly #remote: string;
  readonly #methods: Readonly<Record<Method, Serve>>;
  readonly #streams = new Map<number, Open>();

  constructor(site: Site, remote: string, methods: Readonly<Record<Method, Serve>>) {
    this.#site = site;
    this.#remote = remote;
    this.#methods = methods;
  }

  frame(frame: Extract<Frame, { readonly stream: number }>): void {
    switch (frame.kind) {
      case "headers":
        return this.#open(frame);
      case "data":
        return this.#streams.get(frame.stream)?.serving.received(frame.bytes);
      case "end":
        this.session?.send({ kind: "trailers", stream: frame.stream }, 0);
        return this.#close(frame.stream, "inbound");
      default:
        return this.#close(frame.stream, "inbound, cancelled");
    }
  }

  over(): void {
    for (const stream of this.#streams.keys()) this.#close(stream, "inbound, cancelled");
  }

  #open({ stream, method, sender }: Extract<Frame, { kind: "headers" }>): void {
    const inbound: InboundStream = {
      peer: this.#remote,
      sender,
      write: (bytes, taken) => {
        if (this.#streams.has(stream)) this.session?.send({ kind: "data", stream, bytes }, bytes.length, taken);
      },
      end: () => {
        if (!this.#streams.has(stream)) return;
        this.session?.send({ kind: "trailers", stream }, 0);
        this.#close(stream, "inbound");
      },
      pause: () => this.session?.pause(stream),
      resume: () => this.session?.resume(stream),
    };
    const open: Open = { serving: this.#methods[method](inbound), service: serviceOf[method] };
    this.#streams.set(stream, open);
    this.#tell(open, "opened", "inbound");
  }

  #close(stream: number, detail: string): void {
    const open = this.#streams.get(stream);
    if (open === undefined) return;
    this.#streams.delete(stream);
    this.#tell(open, "closed", detail);
    open.serving.closed();
  }

  #tell({ serving, service }: Open, state: "opened" | "closed", detail: string): void {
    this.#site.emit({ kind: "stream", peer: serving.peer, service, state, detail });
  }
}
