// Parameters of the protocol: names, defaults and rules of SmartBFT (reference smartbft.md section 3.1), in our units.
// Durations are integer microseconds. What the library does not have (ticks, fidelity) is marked.
import { milliseconds, seconds, type Duration, type NodeId } from "../base/index.js";

/** `library` reproduces the Go library with its surprises; `improved` does what section 15 marks "may fix". */
export type Fidelity = "library" | "improved";

/** The part of the options that a topology or profile sets; the same on all replicas unless a topology says otherwise. */
export interface ProtocolOptions {
  readonly requestBatchMaxCount: number;
  readonly requestBatchMaxBytes: number;
  readonly requestBatchMaxInterval: Duration;
  readonly incomingMessageBufferSize: number;
  readonly requestPoolSize: number;
  readonly requestForwardTimeout: Duration;
  readonly requestComplainTimeout: Duration;
  readonly requestAutoRemoveTimeout: Duration;
  readonly viewChangeResendInterval: Duration;
  readonly viewChangeTimeout: Duration;
  readonly leaderHeartbeatTimeout: Duration;
  readonly leaderHeartbeatCount: number;
  readonly numOfTicksBehindBeforeSyncing: number;
  readonly collectTimeout: Duration;
  readonly syncOnStart: boolean;
  readonly speedUpViewChange: boolean;
  readonly leaderRotation: boolean;
  readonly decisionsPerLeader: number;
  readonly requestMaxBytes: number;
  readonly requestPoolSubmitTimeout: Duration;
  /** Period of both tickers (heartbeat and view change). Not an option of the library: its hosts choose 1 s. */
  readonly tickInterval: Duration;
  readonly fidelity: Fidelity;
}

export interface Options extends ProtocolOptions {
  readonly selfId: NodeId;
  /** Sorted ascending, unique, contains selfId. */
  readonly nodes: readonly NodeId[];
  /** Offset of the first tick after start, in [0, tickInterval): drawn from the seed, so that runs sample the quantisation. */
  readonly tickPhase: Duration;
}

/** SmartBFT's own defaults (section 3.1), but with rotation off, as Fabric has it. */
export const libraryOptions: ProtocolOptions = {
  requestBatchMaxCount: 100,
  requestBatchMaxBytes: 10_485_760,
  requestBatchMaxInterval: milliseconds(50),
  incomingMessageBufferSize: 200,
  requestPoolSize: 400,
  requestForwardTimeout: seconds(2),
  requestComplainTimeout: seconds(20),
  requestAutoRemoveTimeout: seconds(180),
  viewChangeResendInterval: seconds(5),
  viewChangeTimeout: seconds(20),
  leaderHeartbeatTimeout: seconds(60),
  leaderHeartbeatCount: 10,
  numOfTicksBehindBeforeSyncing: 10,
  collectTimeout: seconds(1),
  syncOnStart: false,
  speedUpViewChange: false,
  leaderRotation: false,
  decisionsPerLeader: 0,
  requestMaxBytes: 10_240,
  requestPoolSubmitTimeout: seconds(5),
  tickInterval: seconds(1),
  fidelity: "library",
};

/** The rules of section 3.1 that these options break, as sentences; empty when they break none. */
export function optionProblems(options: ProtocolOptions): readonly string[] {
  const problems: string[] = [];
  const positive = [
    "requestBatchMaxCount",
    "requestBatchMaxBytes",
    "requestBatchMaxInterval",
    "incomingMessageBufferSize",
    "requestPoolSize",
    "requestForwardTimeout",
    "requestComplainTimeout",
    "requestAutoRemoveTimeout",
    "viewChangeResendInterval",
    "viewChangeTimeout",
    "leaderHeartbeatTimeout",
    "leaderHeartbeatCount",
    "numOfTicksBehindBeforeSyncing",
    "collectTimeout",
    "requestMaxBytes",
    "requestPoolSubmitTimeout",
    "tickInterval",
  ] as const;
  for (const name of positive) if (!(options[name] > 0)) problems.push(`${name} must be greater than zero`);
  const ordered = [
    ["requestBatchMaxCount", "requestBatchMaxBytes"],
    ["requestMaxBytes", "requestBatchMaxBytes"],
    ["requestForwardTimeout", "requestComplainTimeout"],
    ["requestComplainTimeout", "requestAutoRemoveTimeout"],
    ["viewChangeResendInterval", "viewChangeTimeout"],
  ] as const;
  for (const [low, high] of ordered) {
    if (options[low] > options[high]) problems.push(`${low} must not exceed ${high}`);
  }
  if (options.leaderRotation && options.decisionsPerLeader <= 0) {
    problems.push("leaderRotation needs decisionsPerLeader greater than zero");
  }
  if (!options.leaderRotation && options.decisionsPerLeader !== 0) {
    problems.push("decisionsPerLeader must be zero while leaderRotation is off");
  }
  return problems;
}
