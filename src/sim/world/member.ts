// A node of the world that runs a service of ours: its process, its disks, and the service as it is now. Starts it, kills it,
// starts it again from what the disks hold.
import { instant } from "../../base/index.js";
import type { NodeConfig } from "../../boundary/index.js";
import { Client } from "./client.js";
import { AppendFile } from "./disk.js";
import { Orderer } from "./orderer.js";
import { Peer } from "./peer.js";
import type { Disks, Service } from "./service.js";
import type { Site } from "./site.js";

/** From the start of a node's process until its service is there. */
const bootUs = 250_000;

export class Member {
  readonly name: string;
  readonly kind: NodeConfig["kind"];
  readonly #site: Site;
  readonly #config: NodeConfig;
  readonly #disks: Disks;
  readonly #pid: number;
  #service: Service | undefined;
  /** What it was told and is told again when it starts again, by what it is about. */
  readonly #standing = new Map<string, (service: Service) => void>();

  constructor(site: Site, config: NodeConfig, pid: number) {
    this.name = config.name;
    this.kind = config.kind;
    this.#site = site;
    this.#config = config;
    this.#pid = pid;
    const { process, costs } = site;
    this.#disks = { blocks: new AppendFile(process, costs), log: new AppendFile(process, costs) };
  }

  /** Undefined while it starts and after it was killed. */
  get service(): Service | undefined {
    return this.#service;
  }

  /** `ready` is called when it serves. */
  start(ready: () => void): void {
    const { process, scheduler } = this.#site;
    process.restart();
    this.#tell("started", "");
    process.at(instant(scheduler.now + bootUs), () =>
      process.run(() => {
        const service = this.#newService();
        this.#service = service;
        service.start();
        for (const order of this.#standing.values()) order(service);
        this.#tell("ready", service.detail);
        ready();
      }),
    );
  }

  /** SIGKILL: what was not durable is lost, and its kernel closes its connections. */
  kill(): void {
    this.#service?.abandon();
    this.#service = undefined;
    this.#disks.blocks.crash();
    this.#disks.log.crash();
    this.#site.process.die();
    this.#tell("ended", "signal 9");
  }

  pause(): void {
    this.#site.process.stop();
  }

  resume(): void {
    this.#site.process.resume();
  }

  /** Does something with the service, as work of its process; nothing when there is none. */
  ask(work: (service: Service) => void): void {
    this.#site.process.run(() => {
      if (this.#service !== undefined) work(this.#service);
    });
  }

  /** As `ask`; whatever service follows is told too, until it is forgotten. */
  order(what: string, work: (service: Service) => void): void {
    this.#standing.set(what, work);
    this.ask(work);
  }

  forget(what: string): void {
    this.#standing.delete(what);
  }

  #newService(): Service & { start(): void } {
    const config = this.#config;
    switch (config.kind) {
      case "orderer":
        return new Orderer(this.#site, config, this.#disks);
      case "peer":
        return new Peer(this.#site, config, this.#disks);
      case "client":
        return Object.assign(new Client(this.#site, config), { start: () => undefined });
    }
  }

  #tell(state: "started" | "ready" | "ended", detail: string): void {
    this.#site.emit({ kind: "process", process: this.kind, pid: this.#pid, state, detail });
  }
}
