// Settings that a topology and an experiment write alike: protocol options by SmartBFT's own names, transport settings
// and the peer's timers in kebab-case. Tables tie each written key to its canonical field, checked by the compiler.
import * as z from "zod";
import { choice, count, duration, flag, formed, size, strictMap } from "./leaves.schema.js";
import type { ProtocolOptions } from "../smartbft/index.js";
import type { TransportSettings } from "../boundary/index.js";
import type { Overrides, PeerTimers } from "./topology.js";

/** SmartBFT's name of each option. `TickInterval` and `Fidelity` are the testbed's own: the library has no such options. */
export const protocolKeys = {
  RequestBatchMaxCount: "requestBatchMaxCount",
  RequestBatchMaxBytes: "requestBatchMaxBytes",
  RequestBatchMaxInterval: "requestBatchMaxInterval",
  IncomingMessageBufferSize: "incomingMessageBufferSize",
  RequestPoolSize: "requestPoolSize",
  RequestForwardTimeout: "requestForwardTimeout",
  RequestComplainTimeout: "requestComplainTimeout",
  RequestAutoRemoveTimeout: "requestAutoRemoveTimeout",
  ViewChangeResendInterval: "viewChangeResendInterval",
  ViewChangeTimeout: "viewChangeTimeout",
  LeaderHeartbeatTimeout: "leaderHeartbeatTimeout",
  LeaderHeartbeatCount: "leaderHeartbeatCount",
  NumOfTicksBehindBeforeSyncing: "numOfTicksBehindBeforeSyncing",
  CollectTimeout: "collectTimeout",
  SyncOnStart: "syncOnStart",
  SpeedUpViewChange: "speedUpViewChange",
  LeaderRotation: "leaderRotation",
  DecisionsPerLeader: "decisionsPerLeader",
  RequestMaxBytes: "requestMaxBytes",
  RequestPoolSubmitTimeout: "requestPoolSubmitTimeout",
  TickInterval: "tickInterval",
  Fidelity: "fidelity",
} as const satisfies Readonly<Record<string, keyof ProtocolOptions>>;

export const transportKeys = {
  broadcast: "broadcast",
  "connect-timeout": "connectTimeout",
  "keepalive-time": "keepaliveTime",
  "keepalive-timeout": "keepaliveTimeout",
  "reconnect-backoff-base": "reconnectBackoffBase",
  "reconnect-backoff-max": "reconnectBackoffMax",
  "tcp-user-timeout": "tcpUserTimeout",
  "tcp-syn-retries": "tcpSynRetries",
  "send-buffer-messages": "sendBufferMessages",
  "tcp-congestion-control": "tcpCongestionControl",
  ingress: "ingress",
} as const satisfies Readonly<Record<string, keyof TransportSettings>>;

export const peerKeys = {
  "censorship-timeout": "censorshipTimeout",
  "reconnect-backoff-base": "reconnectBackoffBase",
  "reconnect-backoff-max": "reconnectBackoffMax",
} as const satisfies Readonly<Record<string, keyof PeerTimers>>;

const countMax = 1_000_000;
const bytesMax = 100 * 1_048_576;
const positive = `a whole number from 1 to ${countMax}`;
/** Timers of Node count milliseconds, and gRPC's and the kernel's settings do too. */
const wholeMilliseconds = duration({
  expected: 'a duration of whole milliseconds, like "500ms"',
  example: "500ms",
  min: 1_000,
  step: 1_000,
});
const byteSize = size({ expected: 'a size from 1B to 100MiB, like "10MiB"', example: "10MiB", max: bytesMax });

export const protocolSchema = strictMap("the protocol's options", {
  RequestBatchMaxCount: count(positive, 1, countMax)
    .optional()
    .describe("Propose at once when this many requests are pooled"),
  RequestBatchMaxBytes: byteSize.optional().describe("Propose at once when this many bytes are pooled; largest batch"),
  RequestBatchMaxInterval: duration().optional().describe("Longest wait of the leader for a fuller batch"),
  IncomingMessageBufferSize: count(positive, 1, countMax)
    .optional()
    .describe("Messages a view or view changer may queue"),
  RequestPoolSize: count(positive, 1, countMax).optional().describe("Requests the pool holds"),
  RequestForwardTimeout: duration().optional().describe("Submitted for this long: forward to the leader"),
  RequestComplainTimeout: duration().optional().describe("Forwarded for this long: complain about the leader"),
  RequestAutoRemoveTimeout: duration().optional().describe("Complained for this long: drop the request"),
  ViewChangeResendInterval: duration().optional().describe("Vote for the next view again after this long"),
  ViewChangeTimeout: duration().optional().describe("One attempt at a view change lasts this long, times its number"),
  LeaderHeartbeatTimeout: duration().optional().describe("No sign of life from the leader for this long: complain"),
  LeaderHeartbeatCount: count(positive, 1, countMax).optional().describe("Heartbeats within LeaderHeartbeatTimeout"),
  NumOfTicksBehindBeforeSyncing: count(positive, 1, countMax)
    .optional()
    .describe("One decision behind for this many ticks: synchronise"),
  CollectTimeout: duration().optional().describe("Wait for answers to a state transfer request"),
  SyncOnStart: flag.optional().describe("Synchronise when starting"),
  SpeedUpViewChange: flag.optional().describe("Join a view change on f+1 votes"),
  LeaderRotation: flag
    .optional()
    .describe("Leaders take turns within a view; needs DecisionsPerLeader. Off in Fabric unless a channel asks for it"),
  DecisionsPerLeader: count("a whole number, 0 while LeaderRotation is false", 0, countMax)
    .optional()
    .describe("Decisions of one leader before the next takes over; 0 while LeaderRotation is false"),
  RequestMaxBytes: byteSize.optional().describe("Largest request the pool accepts"),
  RequestPoolSubmitTimeout: duration().optional().describe("Wait for room in the pool"),
  TickInterval: duration().optional().describe("Period of both tickers; the testbed's own option"),
  Fidelity: choice(["library", "improved"])
    .optional()
    .describe("With the library's surprises, or without; the testbed's own option"),
});

export const transportSchema = strictMap("transport settings", {
  broadcast: choice(["parallel", "sequential"]).optional().describe("To all orderers at once, or one after another"),
  "connect-timeout": wholeMilliseconds.optional().describe("A sequential send waits this long for its connection"),
  "keepalive-time": wholeMilliseconds.optional().describe("gRPC pings after this much silence"),
  "keepalive-timeout": wholeMilliseconds.optional().describe("A ping unanswered for this long ends the connection"),
  "reconnect-backoff-base": wholeMilliseconds.optional().describe("First wait before connecting again"),
  "reconnect-backoff-max": wholeMilliseconds.optional().describe("Longest wait before connecting again"),
  "tcp-user-timeout": duration({
    expected: 'a duration of whole milliseconds, like "20s", or "0s" for the kernel\'s own limit',
    example: "20s",
    min: 0,
    step: 1_000,
  })
    .optional()
    .describe("Data unacknowledged for this long ends the connection"),
  "tcp-syn-retries": count("a whole number from 1 to 127", 1, 127)
    .optional()
    .describe("Connect attempts repeated by the kernel"),
  "send-buffer-messages": count(positive, 1, countMax).optional().describe("Messages a stream may hold"),
  "tcp-congestion-control": formed('a name of the kernel, like "reno"', /^[a-z][a-z0-9_]{0,14}$/, "reno")
    .optional()
    .describe("Congestion control of every connection"),
  ingress: choice(["shared", "per-sender"])
    .optional()
    .describe("Where messages of other orderers wait: one queue for all, or one for each sender, served in turn"),
});

export const peerSchema = strictMap("timers of peers", {
  "censorship-timeout": wholeMilliseconds
    .optional()
    .describe("A header seen elsewhere and no block for this long: take another source"),
  "reconnect-backoff-base": wholeMilliseconds.optional().describe("First wait before another source is tried"),
  "reconnect-backoff-max": wholeMilliseconds.optional().describe("Longest wait before another source is tried"),
});

export type RawProtocol = z.output<typeof protocolSchema>;

export const settingsShape = {
  protocol: protocolSchema.optional().describe("Options of SmartBFT, by its own names"),
  transport: transportSchema.optional().describe("gRPC and TCP between nodes"),
  peer: peerSchema.optional().describe("Timers of peers"),
};

export function overridesFrom(raw: {
  readonly protocol?: RawProtocol | undefined;
  readonly transport?: z.output<typeof transportSchema> | undefined;
  readonly peer?: z.output<typeof peerSchema> | undefined;
}): Overrides {
  return {
    protocol: protocolOverrides(raw.protocol),
    transport: renamed<TransportSettings>(raw.transport, transportKeys),
    peer: renamed<PeerTimers>(raw.peer, peerKeys),
  };
}

export function protocolOverrides(raw: RawProtocol | undefined): Partial<ProtocolOptions> {
  return renamed<ProtocolOptions>(raw, protocolKeys);
}

/** Written keys to canonical fields. The schemas give each value its field's kind; tests hold table and schema together. */
function renamed<Fields extends object>(
  raw: Readonly<Record<string, unknown>> | undefined,
  keys: Readonly<Record<string, keyof Fields>>,
): Partial<Fields> {
  const entries = Object.entries(keys).flatMap(([written, field]) => {
    const value = raw?.[written];
    return value === undefined ? [] : [[field, value] as const];
  });
  return Object.fromEntries(entries) as Partial<Fields>; // see above: one schema leaf for each field
}
