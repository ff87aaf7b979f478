// What a server offers to those who connect, read from their side of the wire.
import { once } from "node:events";
import { connect } from "node:http2";
import { expect, test } from "vitest";
import { milliseconds, seconds } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import { channelOptions, listen, serverOf } from "./rpc.js";

const settings: TransportSettings = {
  broadcast: "parallel",
  connectTimeout: seconds(2),
  keepaliveTime: seconds(60),
  keepaliveTimeout: seconds(20),
  reconnectBackoffBase: milliseconds(1_000),
  reconnectBackoffMax: seconds(120),
  tcpUserTimeout: seconds(20),
  tcpSynRetries: 6,
  sendBufferMessages: 100,
  tcpCongestionControl: "cubic",
  ingress: "shared",
};

test("streams and connections towards a server have a window of a MiB", async () => {
  const server = serverOf({ step: (stream) => stream.end() }, settings);
  const port = await listen(server, "127.0.0.1", 0);
  const session = connect(`http://127.0.0.1:${port}`);
  await once(session, "remoteSettings");
  expect(session.remoteSettings.initialWindowSize).toBe(1024 * 1024);
  // The connection's window comes in a frame of its own, right behind the settings.
  while ((session.state.remoteWindowSize ?? 0) < 1024 * 1024) await new Promise((resolve) => setImmediate(resolve));
  session.destroy();
  await once(session, "close");
  server.forceShutdown();
});

test("an address in use is refused with its reason", async () => {
  const first = serverOf({ step: (stream) => stream.end() }, settings);
  const port = await listen(first, "127.0.0.1", 0);
  await expect(listen(serverOf({ step: (stream) => stream.end() }, settings), "127.0.0.1", port)).rejects.toThrow(
    `Listen on 127.0.0.1:${port}: `,
  );
  first.forceShutdown();
});

test("every default that decides how long a failure goes unnoticed is written out", () => {
  expect(channelOptions(settings)).toMatchObject({
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.initial_reconnect_backoff_ms": 1_000,
    "grpc.max_reconnect_backoff_ms": 120_000,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
});
