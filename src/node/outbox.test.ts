// Sends to several orderers of which one does not answer, on real sockets: parallel loses nothing behind it, sequential
// holds up its lane for as long as the connection is being tried, and only its lane.
import { createServer, type Server as NetServer } from "node:net";
import { once } from "node:events";
import type { Server } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { milliseconds, nodeId, seconds, type NodeId } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import { encodeClusterStep } from "../fabric/index.js";
import { now } from "../system/index.js";
import { ClusterLink, type SendResult } from "./cluster-link.js";
import type { NodeEvent } from "./events.js";
import { laneOf, Outbox, type Lane } from "./outbox.js";
import { listen, serverOf } from "./rpc.js";
import { watchSockets } from "./sockets.js";

const settings: TransportSettings = {
  broadcast: "parallel",
  connectTimeout: milliseconds(600),
  keepaliveTime: seconds(60),
  keepaliveTimeout: seconds(20),
  reconnectBackoffBase: milliseconds(200),
  reconnectBackoffMax: seconds(1),
  tcpUserTimeout: seconds(20),
  tcpSynRetries: 6,
  sendBufferMessages: 5,
  tcpCongestionControl: "cubic",
  ingress: "shared",
};

const events: NodeEvent[] = [];
const emit = (event: NodeEvent): void => void events.push(event);
const address = `127.78.${process.pid % 250}.1`;
const undo: (() => void)[] = [];

beforeEach(() => {
  events.length = 0;
  const watch = watchSockets(settings, emit);
  undo.push(() => watch[Symbol.dispose]());
});
afterEach(() => {
  for (const step of undo.splice(0).toReversed()) step();
});

/** An orderer that counts what it receives. */
async function receiver(): Promise<{
  readonly port: number;
  readonly received: () => number;
  readonly server: Server;
}> {
  let count = 0;
  const server = serverOf(
    { step: (stream) => stream.on("data", () => count++).on("error", () => undefined) },
    settings,
  );
  const port = await listen(server, address, 0);
  undo.push(() => server.forceShutdown());
  return { port, server, received: () => count };
}

/** Takes connections and never says a word: what a stopped process looks like. */
async function silent(): Promise<{ readonly port: number; readonly server: NetServer }> {
  const server = createServer((socket) => socket.on("error", () => undefined));
  server.listen(0, address);
  await once(server, "listening");
  undo.push(() => server.close());
  const place = server.address();
  return { port: typeof place === "object" && place !== null ? place.port : 0, server };
}

function linkTo(id: number, port: number, override: Partial<TransportSettings> = {}): ClusterLink {
  const target = { name: `orderer${id}`, address, port };
  const link = new ClusterLink({ self: nodeId(1), target, settings: { ...settings, ...override }, emit });
  undo.push(() => link[Symbol.dispose]());
  return link;
}

/** A link that has sent its first message. */
async function openLinkTo(id: number, port: number, override: Partial<TransportSettings> = {}): Promise<ClusterLink> {
  const link = linkTo(id, port, override);
  expect(await link.send(message, "consensus")).toEqual({ kind: "written" });
  return link;
}

const message = Buffer.from(encodeClusterStep({ kind: "consensus", message: Uint8Array.of(0x12, 0) }));

async function until(what: string, question: () => boolean): Promise<void> {
  const deadline = now() + seconds(8);
  while (!question()) {
    if (now() > deadline) throw new Error(`Waited for ${what}: ${JSON.stringify(events.slice(-10))}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const states = (peer: string): readonly string[] =>
  events.flatMap((event) => (event.kind === "stream" && event.peer === peer ? [event.state] : []));

test("opens one stream, carries messages in order and tells of it", async () => {
  const { port, received } = await receiver();
  const link = linkTo(2, port);
  for (let index = 0; index < 4; index++) expect(await link.send(message, "consensus")).toEqual({ kind: "written" });
  await until("four messages", () => received() === 4);
  expect(states("orderer2")).toEqual(["connecting", "ready", "opened"]);
  const connected = events.filter((event) => event.kind === "socket" && event.state === "connected");
  expect(connected).toHaveLength(2);
  for (const event of connected) expect(event).toMatchObject({ detail: "TCP_USER_TIMEOUT 20000 ms" });
});

test("the send that meets an idle channel waits for the attempt; while it lasts and after it failed others are refused", async () => {
  const { port } = await silent();
  const link = linkTo(2, port, { broadcast: "sequential" });
  const start = now();
  const first = link.send(message, "consensus");
  expect(link.send(message, "consensus")).toEqual({ kind: "dropped", reason: "channel is connecting" });
  expect(await first).toMatchObject({ kind: "dropped" });
  expect(now() - start).toBeGreaterThan(milliseconds(550));
  await until("failure", () => states("orderer2").includes("transient-failure"));
  expect(link.send(message, "consensus")).toEqual({ kind: "dropped", reason: "channel is transient-failure" });
  expect(events).toContainEqual(expect.objectContaining({ kind: "socket", state: "error", detail: "ECONNECTTIMEOUT" }));
  // One event for an outage, however many messages it costs.
  expect(states("orderer2").filter((state) => state === "dropped")).toHaveLength(1);
});

test("nobody listening is known at once", async () => {
  const { port, server } = await silent();
  server.close();
  await once(server, "close");
  expect(await linkTo(2, port).send(message, "consensus")).toMatchObject({ kind: "dropped" });
  await until("failure", () => states("orderer2").includes("transient-failure"));
  expect(events).toContainEqual(
    expect.objectContaining({ kind: "socket", state: "error", detail: "ECONNREFUSED", remote: `${address}:${port}` }),
  );
});

/** A link to an orderer that takes streams and reads nothing: flow control stops after a MiB. */
async function stalledLink(): Promise<ClusterLink> {
  const server = serverOf({ step: (stream) => stream.on("error", () => undefined).pause() }, settings);
  const port = await listen(server, address, 0);
  undo.push(() => server.forceShutdown());
  const link = await openLinkTo(2, port);
  for (let index = 0; index < settings.sendBufferMessages * 3; index++) {
    expect(link.send(Buffer.alloc(200_000), "consensus")).toEqual({ kind: "written" });
  }
  await new Promise((resolve) => setTimeout(resolve, 250));
  return link;
}

test("a stream that is stalled and full is cancelled by a consensus message, and the next send opens another", async () => {
  const link = await stalledLink();
  expect(link.send(message, "consensus")).toEqual({ kind: "dropped", reason: "send queue overflown" });
  expect(link.send(message, "consensus")).toEqual({ kind: "written" });
  expect(states("orderer2").filter((state) => state === "opened")).toHaveLength(2);
});

test("a forwarded request that finds the stream stalled and full is dropped, and the stream stays", async () => {
  const link = await stalledLink();
  expect(link.send(message, "transaction")).toEqual({ kind: "dropped", reason: "send queue overflown" });
  expect(states("orderer2")).not.toContain("closed");
});

test("a burst larger than the buffer passes while the stream moves, up to ten times its size", async () => {
  const { port, received } = await receiver();
  const link = await openLinkTo(2, port);
  await until("the first", () => received() === 1);
  const burst = settings.sendBufferMessages * 10;
  for (let index = 0; index < burst; index++) expect(link.send(message, "consensus")).toEqual({ kind: "written" });
  await until("all of it", () => received() === 1 + burst);
  for (let index = 0; index < burst; index++) void link.send(message, "consensus");
  expect(link.send(message, "consensus")).toEqual({ kind: "dropped", reason: "send queue overflown" });
});

/** A link whose channel has been ready, and is idle now because its peer was replaced by one that never answers. */
async function idleLink(id: number, override: Partial<TransportSettings>): Promise<ClusterLink> {
  const { port, server } = await receiver();
  const link = await openLinkTo(id, port, override);
  server.forceShutdown();
  await until("idle", () => ["idle", "closed"].every((state) => states(`orderer${id}`).includes(state)));
  const hole = createServer((socket) => socket.on("error", () => undefined));
  hole.listen(port, address);
  await once(hole, "listening");
  undo.push(() => hole.close());
  return link;
}

interface Sent {
  readonly to: number;
  readonly lane: Lane;
  readonly result: string;
  readonly after: number;
}

/** Sends to 2 (black hole), then 3 in lane "view"; then 2 and 3 in lane "heartbeat". */
async function broadcastTwice(broadcast: TransportSettings["broadcast"]): Promise<readonly Sent[]> {
  const hole = await idleLink(2, { broadcast });
  const { port } = await receiver();
  const good = await openLinkTo(3, port, { broadcast });
  const links = new Map<NodeId, ClusterLink>([
    [nodeId(2), hole],
    [nodeId(3), good],
  ]);
  const outbox = new Outbox(links, broadcast);
  const sent: Sent[] = [];
  const start = now();
  for (const lane of ["view", "heartbeat"] as const) {
    for (const to of [2, 3]) {
      const done = ({ kind }: SendResult): void =>
        void sent.push({ to, lane, result: kind, after: (now() - start) / 1_000 });
      outbox.send({ to: nodeId(to), lane, bytes: message, done });
    }
  }
  await until("all sends", () => sent.length === 4);
  return sent;
}

const timely = (sent: readonly Sent[]): readonly string[] =>
  sent.map(
    ({ to, lane, result, after }) => `${to} ${lane} ${result} ${after > 550 ? "late" : after < 300 ? "soon" : after}`,
  );

test("parallel: who stands behind a dead orderer does not wait", async () => {
  expect(timely(await broadcastTwice("parallel")).toSorted()).toEqual([
    "2 heartbeat dropped late",
    "2 view dropped late",
    "3 heartbeat written soon",
    "3 view written soon",
  ]);
});

test("sequential: a dead orderer holds up those behind it until its connection is given up, in its own lane only", async () => {
  expect(timely(await broadcastTwice("sequential"))).toEqual([
    "2 heartbeat dropped soon",
    "3 heartbeat written soon",
    "2 view dropped late",
    "3 view written late",
  ]);
});

test("messages find their lane by their type", () => {
  const lanes = Array.from({ length: 10 }, (_, index) => laneOf(Uint8Array.of(((index + 1) << 3) | 2)));
  const view = ["view", "view", "view"];
  const viewChanger = ["viewChanger", "viewChanger", "viewChanger"];
  expect(lanes).toEqual([...view, ...viewChanger, "heartbeat", "heartbeat", "controller", "controller"]);
});
