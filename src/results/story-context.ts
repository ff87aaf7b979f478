// The lab and the experiment that the tests' story plays in: n orderers, one peer, one client, each with one interface. What
// this room reads of a plan, and no more.
import { milliseconds, nodeId, seconds } from "../base/index.js";
import type { Plan } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";
import type { ProtocolTimers } from "./cast.js";
import type { RunContext } from "./run-result.js";

export interface StoryOptions {
  readonly orderers?: number;
  readonly forwardMs?: number;
  readonly complainMs?: number;
  /** Planted gaps. */
  readonly detectionExtraMs?: number;
  readonly viewChangeExtraMs?: number;
  readonly inFlightMs?: number;
  readonly decisionExtraMs?: number;
  readonly failoverMs?: number;
  readonly commitExtraMs?: number;
  /** The first block of the new view holds only what was asked for before the fault; new work follows so much later. */
  readonly oldWorkFirstMs?: number;
  readonly healAfterMs?: number;
  readonly lateMs?: number;
}

/** Milliseconds on the story's clock. */
export const loadStartMs = 2_000;
export const timelineMs = 4_000;
export const faultMs = 6_003;

export function timersFor(options: StoryOptions): ProtocolTimers {
  return {
    requestBatchMaxCount: 100,
    requestBatchMaxBytes: 10_485_760,
    requestBatchMaxInterval: milliseconds(50),
    incomingMessageBufferSize: 200,
    requestPoolSize: 100_000,
    requestForwardTimeout: milliseconds(options.forwardMs ?? 500),
    requestComplainTimeout: milliseconds(options.complainMs ?? 1_500),
    requestAutoRemoveTimeout: seconds(180),
    viewChangeResendInterval: seconds(1),
    viewChangeTimeout: seconds(5),
    leaderHeartbeatTimeout: seconds(5),
    leaderHeartbeatCount: 5,
    numOfTicksBehindBeforeSyncing: 10,
    collectTimeout: seconds(1),
    syncOnStart: false,
    speedUpViewChange: false,
    leaderRotation: false,
    decisionsPerLeader: 0,
    requestMaxBytes: 10_240,
    requestPoolSubmitTimeout: seconds(5),
    tickInterval: milliseconds(100),
    fidelity: "library",
  };
}

export const ordererNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `orderer${index + 1}`);

export function contextFor(options: StoryOptions = {}, experiment: Partial<Experiment> = {}): RunContext {
  const names = [...ordererNames(options.orderers ?? 4), "peer1", "client1"];
  const timers = timersFor(options);
  const nodes = names.map((name, index) => ({
    name,
    kind: name.replace(/\d+$/, ""),
    loopback: `10.0.0.${index + 1}`,
    interfaces: [{ name: "eth1", far: `r${index + 1}:eth9` }],
    service: name.startsWith("orderer")
      ? { kind: "orderer", id: nodeId(index + 1), options: timers }
      : { kind: name.replace(/\d+$/, "") },
  }));
  const plan = { profile: "fast", topology: { name: "story", protocol: timers }, nodes };
  return {
    run: 1,
    seed: "1",
    commit: "abc1234",
    plan: plan as unknown as Plan, // what this room reads of a plan, and no more
    experiment: {
      format: 1,
      name: "leader-interface-down",
      topology: "story.yaml",
      profile: undefined,
      overrides: { protocol: {}, transport: {}, peer: {} },
      workload: { ratePerSecond: 50, sizeBytes: 200 },
      warmUp: seconds(2),
      timeline: [
        {
          at: milliseconds(faultMs - timelineMs),
          fault: {
            what: "interface-down",
            how: "admin",
            target: { kind: "role", role: "leader", ordinal: 1, interface: "" },
            asked: "leader",
          },
          for: undefined,
        },
      ],
      duration: seconds(36),
      drain: seconds(10),
      phase: milliseconds(0),
      repetitions: 1,
      seed: "1",
      blockSource: "follower",
      assertions: [],
      ...experiment,
    },
  };
}
