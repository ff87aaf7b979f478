// Durable before visible, seen from outside: strace watches a follower, and for each Prepare and each Commit that it writes
// to a socket there must be a write of its record to the log, and after that write, but before the socket's, an fdatasync
// of the log that succeeded. Our own events have no part in it.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Event } from "../../src/boundary/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { LoopbackCluster } from "./loopback-cluster.js";

interface Call {
  readonly thread: string;
  readonly name: string;
  readonly file: string;
  /** Hexadecimal digits of what was written. */
  readonly bytes: string;
  /** Line of the trace on which the call began, and on which it returned. */
  begun: number;
  ended: number;
}

/**
 * Calls in a trace of `strace -f -y -xx`; one that another thread interrupts is on two lines. Numbers of threads are padded
 * to five places.
 */
function callsIn(text: string): readonly Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Call>();
  for (const [index, line] of text.split("\n").entries()) {
    const resumed = /^(\d+) +<\.\.\. \w+ resumed>/.exec(line);
    if (resumed?.[1] !== undefined) {
      const call = unfinished.get(resumed[1]);
      if (call !== undefined) call.ended = index;
      continue;
    }
    const begun = /^(\d+) +(\w+)\(\d+<([^>]*)>(.*)$/.exec(line);
    if (begun === null) continue;
    const [, thread = "", name = "", file = "", rest = ""] = begun;
    const bytes = [...rest.matchAll(/\\x([0-9a-f]{2})/g)].map((match) => match[1]).join("");
    const call = { thread, name, file: decoded(file), bytes, begun: index, ended: index };
    if (line.endsWith("<unfinished ...>")) unfinished.set(thread, call);
    calls.push(call);
  }
  return calls;
}

/** With -xx strace writes paths in escapes too. */
const decoded = (path: string): string =>
  path.replaceAll(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/**
 * Field 3 of a Prepare or Commit: a digest of 64 hexadecimal characters, as their bytes. A Commit goes on with field 4, its
 * signature; after a Prepare comes another frame. The log's records hold the same messages.
 */
const votePattern = /1a40((?:3[0-9]|6[1-6]){64}(?:22)?)/g;
const votesIn = (bytes: string): readonly string[] => [...bytes.matchAll(votePattern)].map((match) => match[1] ?? "");

const toSocket = ({ file, name }: Call): boolean => file.startsWith("socket:") && name !== "fdatasync";

test("an fdatasync of the log precedes every vote on the wire", async () => {
  expect(spawnSync("strace", ["-V"]).error, "strace is missing: apt-get install strace").toBeUndefined();
  await using cluster = await LoopbackCluster.prepare({ orderers: 4, octet: 20 + (process.pid % 200) });
  const trace = join(cluster.folder, "trace");
  const watched = "fdatasync,write,writev,pwrite64,sendmsg,sendto";
  // -D: strace is a child of what it watches, so that the process we started is the node.
  cluster.under.set("orderer3", [
    "strace",
    "-D",
    "-f",
    "-y",
    "-xx",
    "-s",
    "100000",
    "--seccomp-bpf",
    "-e",
    `trace=${watched}`,
    "-o",
    trace,
  ]);
  await cluster.start();
  await cluster.node("client1").ask({ do: "start-workload", workload: { ratePerSecond: 20, sizeBytes: 100 } });
  const isTenth = (event: Event): boolean => event.kind === "block" && event.number === 10;
  await cluster.node("orderer3").until("ten blocks", isTenth);
  await cluster.node("orderer3").end("SIGTERM");
  // strace lives a moment longer than what it watches. Its lines are in order, so that any whole number of them tells the
  // truth; what the test needs is enough of them, not the last.
  const enough = (): Look<readonly Call[]> => {
    const lines = readFileSync(trace, "latin1").split("\n").slice(0, -1);
    const found = callsIn(lines.join("\n"));
    const votes = new Set(found.filter(toSocket).flatMap(({ bytes }) => votesIn(bytes)));
    // Ten decisions: a Prepare and a Commit each.
    if (votes.size >= 20) return there(found);
    return waiting(`${votes.size} votes in ${lines.length} lines, the last of which is ${lines.at(-1)?.slice(0, 200)}`);
  };
  const { signal } = new AbortController();
  const what = "the trace to hold twenty votes on their way to a socket";
  const calls = await until(enough, { timeoutMs: 20_000, everyMs: 100, signal, what });

  const logWrites = calls.filter(({ name, file }) => name.includes("write") && file.endsWith(".wal"));
  const logSyncs = calls.filter(({ name, file }) => name === "fdatasync" && file.endsWith(".wal"));
  const socketWrites = calls.filter(toSocket);
  expect(logWrites.length).toBeGreaterThan(15);
  for (const write of socketWrites) {
    for (const vote of votesIn(write.bytes)) {
      const record = logWrites.find(({ bytes }) => bytes.includes(vote));
      const sync = logSyncs.find(
        ({ begun, ended }) => record !== undefined && begun > record.ended && ended < write.begun,
      );
      const found = { vote, recorded: record !== undefined, synced: sync !== undefined };
      expect(found).toEqual({ vote, recorded: true, synced: true });
    }
  }
});
