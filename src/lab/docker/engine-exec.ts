// A command in a container with this terminal: `node engine-exec.mjs CONTAINER COMMAND ARGUMENT…`. It goes through the engine's
// API, so it needs no docker client and works with an engine elsewhere. Exit code: the command's.
import type Docker from "dockerode";
import { there, until, waiting, type Look } from "../../system/index.js";
import { openEngine } from "./engine.js";

async function main([id = "", ...command]: readonly string[]): Promise<number> {
  const engine = openEngine();
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const exec = await engine.getContainer(id).exec({
    Cmd: [...command],
    Tty: isTerminal,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: isTerminal });
  const ended = new Promise<void>((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", reject);
  });
  if (isTerminal) {
    const resize = (): void => {
      const size = { h: process.stdout.rows, w: process.stdout.columns };
      exec.resize(size).catch(() => undefined); // the command may have ended meanwhile
    };
    process.stdout.on("resize", resize);
    resize();
    process.stdin.setRawMode(true);
    stream.pipe(process.stdout);
  } else {
    engine.modem.demuxStream(stream, process.stdout, process.stderr);
  }
  process.stdin.pipe(stream);
  await ended;
  if (isTerminal) process.stdin.setRawMode(false);
  return exitCodeOf(exec);
}

/** The engine knows of the end a moment after the output has ended. */
async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  const look = async (): Promise<Look<number>> => {
    const { Running: runs, ExitCode } = await exec.inspect();
    return runs || ExitCode === null ? waiting("the engine says that it runs") : there(ExitCode);
  };
  const { signal } = new AbortController();
  return until(look, { timeoutMs: 10_000, everyMs: 5, signal, what: "the command's exit code" });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
    process.stdin.destroy(); // or it would be waited for
  },
  (error: unknown) => {
    process.stderr.write(`testbed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 4;
    process.stdin.destroy();
  },
);
