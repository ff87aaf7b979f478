// The control socket: private, complete, in order, resumable by number, and honest about what it could not keep.
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ControlRequest } from "../boundary/index.js";
import { LineSplitter } from "../system/index.js";
import { ControlServer, type Facts } from "./control.js";
import { EventLog } from "./events.js";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "testbed-control-"));
  path = join(folder, "control.sock");
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly event?: { readonly kind: string; readonly text?: string };
  readonly n?: number;
  readonly id?: number;
  readonly error?: string;
}

/** A reader that keeps its lines and can wait for a number of them. */
class Reader {
  readonly lines: Line[] = [];
  readonly socket: Socket;

  constructor(to: string) {
    this.socket = connect(to);
    const splitter = new LineSplitter();
    this.socket.on("data", (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.lines.push(JSON.parse(line));
      this.socket.emit("lines");
    });
  }

  async count(wanted: number): Promise<readonly Line[]> {
    while (this.lines.length < wanted) await once(this.socket, "lines");
    return this.lines;
  }

  async close(): Promise<void> {
    const closed = once(this.socket, "close");
    this.socket.destroy();
    await closed;
  }
}

const note = (log: EventLog, text: string): void => log.emit({ kind: "log", process: "test", text });
const textsOf = (lines: readonly Line[]): readonly (string | undefined)[] => lines.map((line) => line.event?.text);
const noFacts = (): Facts => ({});

test("only the owner may open the socket", async () => {
  await using _control = await ControlServer.listen(path, new EventLog("n"), noFacts);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a socket that a dead process left is replaced", async () => {
  const log = new EventLog("n");
  await (await ControlServer.listen(path, log, noFacts))[Symbol.asyncDispose]();
  await using _again = await ControlServer.listen(path, log, noFacts);
});

test("events from before the first connection come first, then live ones, numbered from 0", async () => {
  const log = new EventLog("orderer1");
  for (let index = 0; index < 5000; index++) note(log, String(index));
  await using _control = await ControlServer.listen(path, log, noFacts);
  const reader = new Reader(path);
  await reader.count(5000);
  note(log, "5000");
  const lines = await reader.count(5001);
  expect(textsOf(lines)).toEqual(Array.from({ length: 5001 }, (_, index) => String(index)));
  expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: 5001 }, (_, index) => index));
  expect(lines[0]?.event).toMatchObject({ node: "orderer1", kind: "log" });
});

test("requests are answered in order with their ids, failures and nonsense included", async () => {
  const answer = async (request: ControlRequest): Promise<Facts> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (request.do === "stop") throw new Error("not now");
    return { verb: request.do };
  };
  await using _control = await ControlServer.listen(path, new EventLog("n"), answer);
  const reader = new Reader(path);
  reader.socket.write('{"id":1,"do":"status"}\n{"id":2,"do":"stop"}\nnonsense\n{"id":3,"do":"clock"}\n');
  expect(await reader.count(4)).toEqual([
    { id: 1, good: true, facts: { verb: "status" } },
    { id: 2, good: false, error: "not now" },
    { id: 0, good: false, error: "Expected a JSON object with a number `id` and a text `do`" },
    { id: 3, good: true, facts: { verb: "clock" } },
  ]);
});

test("a reader that comes back misses nothing: it skips the numbers it has seen", async () => {
  const log = new EventLog("n");
  await using _control = await ControlServer.listen(path, log, noFacts);
  const first = new Reader(path);
  note(log, "a");
  note(log, "b");
  await first.count(2);
  await first.close();
  note(log, "c");
  const second = new Reader(path);
  await second.count(3);
  note(log, "d");
  const seen = new Set(first.lines.map(({ n }) => n));
  const fresh = (await second.count(4)).filter(({ n }) => !seen.has(n));
  expect(textsOf(fresh)).toEqual(["c", "d"]);
});

test("a second connection is answered, but events have one reader", async () => {
  const log = new EventLog("n");
  await using _control = await ControlServer.listen(path, log, noFacts);
  const first = new Reader(path);
  note(log, "a");
  await first.count(1);
  const second = new Reader(path);
  second.socket.write('{"id":7,"do":"status"}\n');
  note(log, "b");
  await first.count(2);
  expect(await second.count(1)).toEqual([{ id: 7, good: true, facts: {} }]);
});

test("what does not fit is counted and said", async () => {
  const log = new EventLog("n", 10_000);
  const long = "x".repeat(1_000);
  for (let index = 0; index < 20; index++) note(log, long);
  const kept = log.next;
  expect(kept).toBeLessThan(20);
  await using _control = await ControlServer.listen(path, log, noFacts);
  const reader = new Reader(path);
  await reader.count(kept);
  log.release(kept);
  note(log, "after");
  // A MiB stays for readers that come back, which is more than this log may hold: so it is still full.
  expect(log.next).toBe(kept);
});

test("the loss is told as soon as half of the memory is free again", async () => {
  const log = new EventLog("n", 4 * 1024 * 1024);
  const long = "x".repeat(100_000);
  for (let index = 0; index < 50; index++) note(log, long);
  const kept = log.next;
  await using _control = await ControlServer.listen(path, log, noFacts);
  const reader = new Reader(path);
  await reader.count(kept);
  note(log, "after");
  const lines = await reader.count(kept + 2);
  expect(textsOf(lines.slice(kept))).toEqual([`events lost: ${50 - kept}`, "after"]);
});
