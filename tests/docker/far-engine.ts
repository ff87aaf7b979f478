// A second engine that is as far away as one machine allows: in a network namespace of its own, reached by TCP on a link of the
// test's; in a mount namespace in which neither this machine's /run nor the test's own folder is to be seen.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { root } from "../netns/cli-bench.js";

const script = join(root, "scripts", "dockerd");
const near = "10.254.77.1";
const far = "10.254.77.2";
const port = 2375;

const ip = (line: string): void => void execFileSync("ip", line.split(" "));

export class FarEngine {
  readonly folder = mkdtempSync("/tmp/testbed-far-");
  readonly address = `tcp://${far}:${port}`;
  readonly client = new Docker({ host: far, port, protocol: "http" });
  readonly #name = `tbfar${process.pid}`;
  /** Process that holds the engine's namespaces: one that begins again finds its containers by sockets in /run. */
  readonly #holder: number;
  #isKilled = false;

  /** `hidden` is a folder of this machine that the engine must not see. */
  constructor(hidden: string) {
    ip(`netns add ${this.#name}`);
    ip(`link add name ${this.#name} type veth peer name uplink netns ${this.#name}`);
    ip(`address add ${near}/30 dev ${this.#name}`);
    ip(`link set dev ${this.#name} up`);
    ip(`-n ${this.#name} address add ${far}/30 dev uplink`);
    ip(`-n ${this.#name} link set dev uplink up`);
    ip(`-n ${this.#name} link set dev lo up`);
    const place = [`--net=/run/netns/${this.#name}`, "unshare", "--mount", "--propagation", "private", "--"];
    const hide = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs "$1" || exit 1';
    const hold = "setsid sleep infinity >/dev/null 2>&1 </dev/null & echo $!";
    const words = [...place, "sh", "-c", `${hide}; ${hold}`, "sh", hidden];
    this.#holder = Number(execFileSync("nsenter", words, { encoding: "utf8" }));
    this.start();
  }

  start(): void {
    const place = [`--target=${this.#holder}`, "--net", "--mount", "--"];
    execFileSync("nsenter", [...place, script, "start", this.folder, this.address, "unix:///run/docker.sock"]);
    this.#isKilled = false;
  }

  /** SIGKILL to the engine, or its containerd, alone: containers live on. */
  kill(what: "docker" | "containerd" = "docker"): void {
    process.kill(Number(readFileSync(join(this.folder, `${what}.pid`), "utf8")), "SIGKILL");
    this.#isKilled = true;
  }

  /** Gives it an image that another engine has, by a name if asked. */
  async give(engine: Docker, reference: string): Promise<void> {
    const archive = await engine.getImage(reference).get();
    const loading = await this.client.loadImage(archive);
    await new Promise<void>((resolve, reject) => {
      this.client.modem.followProgress(loading, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Containers of a killed engine are ended by it alone: it begins again first. */
  dispose(): void {
    if (this.#isKilled) this.start();
    execFileSync("nsenter", [`--target=${this.#holder}`, "--net", "--mount", "--", script, "stop", this.folder]);
    process.kill(this.#holder, "SIGKILL");
    ip(`link delete dev ${this.#name}`);
    ip(`netns delete ${this.#name}`);
  }
}

/** A docker client's folder whose context `name` is at an address; for DOCKER_CONFIG. */
export function clientFolder(parent: string, name: string, address: string): string {
  const folder = join(parent, "docker-client");
  const meta = join(folder, "contexts", "meta", createHash("sha256").update(name).digest("hex"));
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: name, Endpoints: { docker: { Host: address } } }));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ currentContext: name }));
  return folder;
}
