// A command in a container to its end, through the engine. For the agent's own commands, short and without a terminal; a user's
// command with a terminal is engine-exec.ts.
import { PassThrough } from "node:stream";
import type Docker from "dockerode";
import type { CommandResult } from "../../system/index.js";

/** What it printed and how it ended; rejects with the engine's error when it could not be run. */
export async function resultOf(engine: Docker, container: string, command: readonly string[]): Promise<CommandResult> {
  const exec = await engine.getContainer(container).exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: false });
  const [stdout, stderr] = [collected(), collected()];
  engine.modem.demuxStream(stream, stdout.stream, stderr.stream);
  await new Promise<void>((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", reject);
  });
  const { ExitCode } = await exec.inspect();
  return { stdout: stdout.text(), stderr: stderr.text(), exitCode: ExitCode ?? -1 };
}

function collected(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}
