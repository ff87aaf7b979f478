// An engine of the torture's own, by scripts/dockerd in a folder of its own: the only one that is ever killed.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { OperatingError, there, until, waiting, type Look } from "../../src/system/index.js";
import type { EngineOfOurs } from "./drive.js";
import { engineFolder } from "./inventory.js";

const script = join(import.meta.dirname, "..", "..", "scripts", "dockerd");
const host = `unix://${engineFolder}/docker.sock`;
const { signal } = new AbortController();

export interface Engine extends EngineOfOurs {
  readonly host: string;
  readonly docker: Docker;
  readonly stop: () => void;
}

export function startEngine(): Engine {
  const start = (): void =>
    void execFileSync(script, ["start", engineFolder], { stdio: ["ignore", "ignore", "inherit"] });
  const stop = (): void => void execFileSync(script, ["stop", engineFolder], { stdio: "inherit" });
  stop(); // the folder of a world that was killed
  start();
  process.env["DOCKER_HOST"] = host; // for the images that are built from here
  return {
    host,
    docker: new Docker({ socketPath: `${engineFolder}/docker.sock` }),
    stop,
    async kill() {
      const pid = Number(readFileSync(`${engineFolder}/docker.pid`, "utf8"));
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (!words.includes(engineFolder)) throw new OperatingError(`Kill dockerd: process ${pid} is not ours`);
      process.kill(pid, "SIGKILL");
      const look = (): Look<true> => (existsSync(`/proc/${pid}`) ? waiting("it is there") : there(true));
      await until(look, { timeoutMs: 10_000, everyMs: 5, signal, what: "dockerd to be dead" });
    },
    restart: async () => start(),
  };
}
