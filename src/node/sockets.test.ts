// What is told of a TCP connection: a FIN only when the other side sent one.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { seconds } from "../base/index.js";
import type { SocketEvent, TransportSettings } from "../boundary/index.js";
import { watchSockets } from "./sockets.js";

const settings: TransportSettings = {
  broadcast: "parallel",
  connectTimeout: seconds(2),
  keepaliveTime: seconds(2),
  keepaliveTimeout: seconds(2),
  reconnectBackoffBase: seconds(1),
  reconnectBackoffMax: seconds(2),
  tcpUserTimeout: seconds(4),
  tcpSynRetries: 1,
  sendBufferMessages: 100,
  tcpCongestionControl: "reno",
  ingress: "shared",
};
let watching: Disposable;
let told: SocketEvent[] = [];
beforeEach(() => {
  told = [];
  watching = watchSockets(settings, (event) => {
    if (event.kind === "socket") told.push({ ...event, at: 0 as SocketEvent["at"], node: "" }); // stamped by the host
  });
});
afterEach(() => watching[Symbol.dispose]());

/** A connection, ended on the server's side by `end`; what the client's side was told of it. */
async function connectionEnding(end: (socket: Socket) => void): Promise<readonly string[]> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => end(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server's address
  const client = connect(port, "127.0.0.1").on("error", () => client.destroy());
  client.resume().write("x");
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
  server.close();
  return told.filter((event) => event.remote === `127.0.0.1:${port}`).map((event) => event.state);
}

it("tells a FIN when the other side ends", async () => {
  expect(await connectionEnding((socket) => socket.end())).toEqual(["connected", "fin", "closed"]);
});

it("tells an error and no FIN when the other side resets", async () => {
  expect(await connectionEnding((socket) => socket.resetAndDestroy())).toEqual(["connected", "error", "closed"]);
});
