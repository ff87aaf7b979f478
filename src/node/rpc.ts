// gRPC with every default written out: options of channels and servers, method paths, and raw services whose messages are
// bytes. Fabric's services by their wire names (fabric-wire.md sections 5 and 7); what is in the bytes is other files' job.
import type { Http2Server, ServerHttp2Session } from "node:http2";
import {
  Server,
  ServerCredentials,
  type ChannelOptions,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { assert, toMilliseconds } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import type { Method } from "../fabric/index.js";

export const methods: Readonly<Record<Method, string>> = {
  step: "/orderer.ClusterNodeService/Step",
  broadcast: "/orderer.AtomicBroadcast/Broadcast",
  deliver: "/orderer.AtomicBroadcast/Deliver",
};

export type InboundStream = ServerDuplexStream<Buffer, Buffer>;
export type StreamTaker = (stream: InboundStream) => void;

/** Fabric's limit, both ways (fabric-wire.md 7.3); gRPC's own is 4 MiB. */
const messageSizeMax = 100 * 1024 * 1024;

/**
 * Bytes that may be under way on a stream, and on a connection. HTTP/2 begins with 64 KiB, which over 50 ms of delay is
 * 1.3 MB/s; grpc-go measures the path and grows up to 16 MiB, grpc-js stays where it is told to.
 */
const flowControlWindow = 1024 * 1024;

export const identity = (bytes: Buffer): Buffer => bytes;

/** Options of both sides. */
const commonOptions = (settings: TransportSettings): ChannelOptions => ({
  "grpc.keepalive_time_ms": toMilliseconds(settings.keepaliveTime),
  "grpc.keepalive_timeout_ms": toMilliseconds(settings.keepaliveTimeout),
  "grpc.max_receive_message_length": messageSizeMax,
  "grpc.max_send_message_length": messageSizeMax,
  "grpc-node.flow_control_window": flowControlWindow,
});

export const channelOptions = (settings: TransportSettings): ChannelOptions => ({
  ...commonOptions(settings),
  // Pings go on without calls: a channel that nobody uses must notice its death too, or the next send meets a dead stream.
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": toMilliseconds(settings.reconnectBackoffBase),
  "grpc.max_reconnect_backoff_ms": toMilliseconds(settings.reconnectBackoffMax),
  // grpc-js shares connections between equal channels of a process: two links to one node would fail as one.
  "grpc.use_local_subchannel_pool": 1,
  // A retry would hide a failure that is the object of study.
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  "grpc.service_config_disable_resolution": 1,
});

export type Streams = Partial<Readonly<Record<Method, StreamTaker>>>;

/** A server that is bound but for `listen`. Caller shuts it down. */
export function serverOf(streams: Streams, settings: TransportSettings): Server {
  // channelz stays on: without it grpc-js 1.14 does not know its sessions and forceShutdown leaves them open.
  const server = new Server(commonOptions(settings));
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const takers: UntypedServiceImplementation = {};
  for (const [name, path] of Object.entries(methods)) {
    // Object.entries widens the keys of `methods`.
    const taker = streams[name as Method];
    if (taker === undefined) continue;
    definition[name] = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    takers[name] = taker;
  }
  const service: ServiceDefinition = definition;
  server.addService(service, takers);
  return server;
}

/** Binds and answers the port, which the kernel chooses when it is 0. Rejects with the reason when the address is taken. */
export function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error !== null) return reject(new Error(`Listen on ${address}:${port}: ${error.message}`, { cause: error }));
      widenWindows(server);
      resolve(bound);
    });
  });
}

/**
 * grpc-js applies the window option to channels only. Most bytes between orderers flow towards servers, so theirs are set
 * through a field that its types call private.
 */
function widenWindows(server: Server): void {
  const { http2Servers } = server as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
  assert(http2Servers instanceof Map, "Expected grpc-js to keep its HTTP/2 servers in `http2Servers`");
  for (const http2Server of http2Servers.keys()) {
    http2Server.updateSettings({ initialWindowSize: flowControlWindow });
    http2Server.on("session", (session: ServerHttp2Session) => session.setLocalWindowSize(flowControlWindow));
  }
}
