// An orderer that is far away from the others, without netem: it runs in a network namespace in which the others' addresses
// lead here, and its own address leads into it, by unix sockets. Every byte is handed on after the delay, either way, and a
// connection says nothing for the round trip that its handshake would take. No packet is lost, none overtakes another.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { NodeConfig, OrdererConfig } from "../../src/boundary/index.js";
import { present } from "../../src/base/index.js";
import type { LoopbackCluster } from "../netns/loopback-cluster.js";

export class FarAway implements AsyncDisposable {
  readonly #delayMs: number;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #far: ChildProcess | undefined;

  private constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** Before the cluster starts: `name` will run that far away from everybody, one way. Caller disposes, after the cluster. */
  static async of(cluster: LoopbackCluster, name: string, { delayMs }: { readonly delayMs: number }): Promise<FarAway> {
    const isOrderer = (config: NodeConfig): config is OrdererConfig => config.kind === "orderer";
    const orderers = cluster.configs.filter(isOrderer);
    const node = present(
      orderers.find((config) => config.name === name),
      name,
    );
    const place = new FarAway(delayMs);
    try {
      await place.#join(
        cluster,
        node,
        orderers.filter((each) => each !== node).map(({ address }) => address),
      );
    } catch (error) {
      await place[Symbol.asyncDispose]();
      throw error;
    }
    return place;
  }

  async #join(
    cluster: LoopbackCluster,
    { name, address, port }: OrdererConfig,
    others: readonly string[],
  ): Promise<void> {
    const [near, far] = [join(cluster.folder, "near.sock"), join(cluster.folder, "far.sock")];
    await this.#serve(near, (carrier) => {
      carrier.once("data", (first: Buffer) => {
        const end = first.indexOf("\n");
        const target = connect({ host: first.subarray(0, end).toString(), port, noDelay: true });
        this.#carry(carrier, target, first.subarray(end + 1));
      });
    });
    const script = join(import.meta.dirname, "far-side.mjs");
    const command = ["sh", "-ec", 'ip link set lo up; exec "$@"', "sh", process.execPath, script];
    const options = [near, far, address, String(port), ...others];
    const child = spawn("unshare", ["--user", "--map-root-user", "--net", ...command, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#far = child;
    await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(([code]) => {
        throw new Error(`The far side of "${name}" ended with ${code}; are user namespaces allowed here?`);
      }),
    ]);
    await this.#serve({ host: address, port }, (socket) => this.#carry(socket, connect(far), Buffer.alloc(0)));
    const enter = ["nsenter", "--target", String(child.pid), "--user", "--net", "--preserve-credentials", "--"];
    cluster.under.set(name, enter);
  }

  async #serve(
    at: string | { readonly host: string; readonly port: number },
    take: (socket: Socket) => void,
  ): Promise<void> {
    const server = createServer({ noDelay: true }, take);
    this.#servers.push(server);
    server.listen(at);
    await once(server, "listening");
  }

  /** `first` was read from `one` already. */
  #carry(one: Socket, other: Socket, first: Buffer): void {
    const openAt = performance.now() + 2 * this.#delayMs;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#sockets.add(from);
      const later = (act: () => void): void => {
        const wait = Math.max(this.#delayMs, openAt - performance.now());
        setTimeout(() => {
          if (!to.destroyed) act();
        }, wait);
      };
      if (from === one && first.length > 0) later(() => to.write(first));
      from.on("data", (bytes: Buffer) => later(() => to.write(bytes)));
      from.on("error", () => undefined);
      from.on("end", () => later(() => to.end()));
      from.on("close", () => {
        this.#sockets.delete(from);
        later(() => to.destroy());
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    const far = this.#far;
    if (far === undefined || far.exitCode !== null || far.signalCode !== null) return;
    far.kill("SIGKILL");
    await once(far, "exit");
  }
}
