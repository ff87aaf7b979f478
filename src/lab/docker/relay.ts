// `node relay.mjs SOCKET`, in the switchboard container: waits until the agent listens there, then joins it with standard input and
// output. The CLI starts it by the engine's API, so that its way to the agent is its way to the engine, wherever that is.
import { pipeline } from "node:stream/promises";
import { lookForListener, until } from "../../system/index.js";

/** The agent's own start: a node process and its first files. */
const listenMsMax = 20_000;

async function main(path: string): Promise<void> {
  const signal = new AbortController().signal;
  const waits = { timeoutMs: listenMsMax, everyMs: 5, signal, what: "the lab's agent" };
  const socket = await until(() => lookForListener(path), waits);
  await Promise.race([pipeline(process.stdin, socket), pipeline(socket, process.stdout)]);
}

main(process.argv[2] ?? "").then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(4);
  },
);
