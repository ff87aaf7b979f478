// An orderer's services against input that no client of ours would send: each is answered as Fabric answers it, or its
// stream is ended, and the orderer goes on ordering.
import { createPrivateKey, randomBytes, sign as signBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, credentials, Metadata, status as code, type ClientDuplexStream } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  creatorOf,
  dataOfSize,
  decodeBroadcastResponse,
  decodeDeliverResponse,
  envelopeFor,
  seekEnvelope,
  seekFrom,
  seekNewest,
  seekRange,
  type Seek,
} from "../../src/fabric/index.js";
import { newKeyPair } from "../../src/system/index.js";
import { LoopbackCluster } from "./loopback-cluster.js";

let cluster: LoopbackCluster;
let client: Client;
beforeAll(async () => {
  cluster = await LoopbackCluster.prepare({ orderers: 4, octet: 20 + (process.pid % 200) });
  await cluster.start("orderer1", "orderer2", "orderer3", "orderer4");
  const [orderer] = cluster.configs[0]?.consenters ?? [];
  client = new Client(`ipv4:${orderer?.address}:${orderer?.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await cluster?.[Symbol.asyncDispose]();
});

const identity = (bytes: Buffer): Buffer => bytes;
const paths = {
  broadcast: "/orderer.AtomicBroadcast/Broadcast",
  deliver: "/orderer.AtomicBroadcast/Deliver",
  step: "/orderer.ClusterNodeService/Step",
} as const;

interface Conversation {
  readonly stream: ClientDuplexStream<Buffer, Buffer>;
  readonly responses: Buffer[];
  /** gRPC status in the end. */
  readonly ended: Promise<number>;
  readonly received: (count: number) => Promise<readonly Buffer[]>;
}

function open(path: keyof typeof paths, metadata: Readonly<Record<string, string>> = {}): Conversation {
  const stream = client.makeBidiStreamRequest(paths[path], identity, identity, Metadata.fromHttp2Headers(metadata), {
    deadline: Date.now() + 20_000,
  });
  const responses: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => responses.push(bytes));
  stream.on("error", () => undefined);
  const ended = new Promise<number>((resolve) => stream.on("status", (status) => resolve(status.code)));
  const received = async (count: number): Promise<readonly Buffer[]> => {
    while (responses.length < count) await new Promise((resolve) => stream.once("data", resolve));
    return responses;
  };
  return { stream, responses, ended, received };
}

const mine = (): { readonly creator: Uint8Array; readonly sign: (bytes: Uint8Array) => Uint8Array } => {
  const config = cluster.configs.find(({ name }) => name === "client1");
  const key = createPrivateKey(readFileSync(config?.privateKeyFile ?? ""));
  const creator = creatorOf({ mspId: "Org1MSP", publicKey: config?.clients[0]?.publicKey ?? "" });
  return { creator, sign: (bytes) => signBytes("sha256", bytes, key) };
};
const common = () => ({
  channel: "testchannel",
  nonce: randomBytes(24),
  timestamp: { seconds: 1, nanoseconds: 0 },
  ...mine(),
});
const transaction = (override: object = {}): Buffer =>
  Buffer.from(envelopeFor({ ...common(), data: dataOfSize(100, 1), ...override }).bytes);

async function answerTo(envelope: Buffer): Promise<unknown> {
  const { stream, received } = open("broadcast");
  stream.write(envelope);
  const [response = Buffer.alloc(0)] = await received(1);
  stream.end();
  const decoded = decodeBroadcastResponse(response);
  return decoded.kind === "good" ? decoded.value : decoded;
}

test("Broadcast answers what it takes with 200, one answer for each envelope in order, and keeps the stream", async () => {
  const { stream, received, ended } = open("broadcast");
  for (let index = 0; index < 20; index++) stream.write(transaction());
  const responses = await received(20);
  for (const response of responses)
    expect(decodeBroadcastResponse(response)).toEqual({ kind: "good", value: { status: 200, info: "" } });
  stream.end();
  expect(await ended).toBe(code.OK);
});

test("Broadcast refuses what it must, by status, and ends the stream with OK", async () => {
  const stranger = newKeyPair();
  const strange = creatorOf({ mspId: "Org1MSP", publicKey: stranger.publicKey });
  expect(await answerTo(Buffer.from("nonsense"))).toMatchObject({ status: 400 });
  expect(await answerTo(Buffer.alloc(0))).toMatchObject({ status: 400 });
  expect(await answerTo(transaction({ channel: "other" }))).toEqual({ status: 400, info: "channel does not exist" });
  expect(await answerTo(transaction({ creator: strange }))).toMatchObject({ status: 403 });
  expect(await answerTo(transaction({ sign: () => mine().sign(Buffer.from("something else")) }))).toMatchObject({
    status: 403,
  });
  const { stream, received, ended } = open("broadcast");
  const twice = transaction();
  stream.write(twice);
  stream.write(twice);
  stream.write(transaction());
  expect(await ended).toBe(code.OK);
  const responses = (await received(2)).map(decodeBroadcastResponse);
  // Pool or ledger may know it by then; what was written behind the refusal is never answered.
  expect(responses).toHaveLength(2);
  expect(responses[1]).toMatchObject({
    value: { status: 503, info: expect.stringMatching(/^failed to submit request: request already/) },
  });
});

test("a request larger than the pool takes is refused", async () => {
  expect(await answerTo(transaction({ data: dataOfSize(20_000, 1) }))).toEqual({
    status: 503,
    info: "failed to submit request: request too large",
  });
});

async function delivered(seek: Seek, count: number): Promise<readonly unknown[]> {
  const { stream, received } = open("deliver");
  stream.write(Buffer.from(seekEnvelope(seek, common())));
  const responses = await received(count);
  stream.cancel();
  return responses.map((bytes) => {
    const response = decodeDeliverResponse(bytes);
    if (response.kind === "bad") return response.reason;
    return response.value.kind === "status" ? response.value.status : response.value.block.header.number;
  });
}

test("Deliver gives ranges, waits for what is not there yet, and refuses what it must", async () => {
  await cluster.node("orderer1").until("a block", (event) => event.kind === "block");
  expect(await delivered(seekRange(0, 1), 3)).toEqual([0, 1, 200]);
  expect(await delivered(seekNewest, 2)).toContain(200);
  expect(await delivered(seekFrom(1_000_000, "block"), 1)).toEqual([404]);
  expect(await delivered(seekRange(1, 0), 1)).toEqual([400]);
  const { stream, received, ended } = open("deliver");
  stream.write(Buffer.from("nonsense"));
  expect(decodeDeliverResponse((await received(1))[0] ?? Buffer.alloc(0))).toMatchObject({
    value: { kind: "status", status: 400 },
  });
  expect(await ended).toBe(code.OK);
});

test("a Deliver stream that waits is served when the block comes", async () => {
  const status = await cluster.node("orderer1").ask({ do: "status" });
  const height = status.good ? Number(status.facts["height"]) : 0;
  const next = delivered(seekRange(height, height), 2);
  await answerTo(transaction());
  expect(await next).toEqual([height, 200]);
});

test.each([{}, { sender: "1" }, { sender: "9" }, { sender: "x" }, { sender: "" }])(
  "Step from %j is denied",
  async (metadata) => {
    expect(await open("step", metadata).ended).toBe(code.UNAUTHENTICATED);
  },
);

test("Step survives bytes that are no step and messages that are no messages, and says so", async () => {
  const orderer = cluster.node("orderer1");
  const from = orderer.events.length;
  const { stream } = open("step", { sender: "2" });
  stream.write(Buffer.from("nonsense"));
  stream.write(Buffer.from("0a040a02ffff", "hex"));
  stream.write(Buffer.alloc(0));
  const isRejected = (event: { kind: string }): boolean =>
    event.kind === "message" && "decision" in event && String(event.decision).startsWith("rejected");
  await orderer.until("rejection", isRejected, from);
  stream.end();
  expect(await answerTo(transaction())).toMatchObject({ status: 200 });
});

test("a port in use ends the second node with its reason, and the first goes on", async () => {
  const second = await cluster.startTwin("orderer1");
  expect(await second.ended()).toBe(4);
  expect(second.stderr).toContain("EADDRINUSE");
  expect(await answerTo(transaction())).toMatchObject({ status: 200 });
});
