// From a setting to a cluster's options, and the bound within which it must make progress once all faults have ended.
import { faultsTolerated, microseconds, milliseconds, toMilliseconds, type Duration } from "../../base/index.js";
import type { ProtocolOptions } from "../../smartbft/index.js";
import type { ClusterOptions } from "../cluster.js";
import type { Setting } from "./schedule.js";

/** Proportions of a real configuration, a hundred times as fast: seconds hold many view changes. */
export const timers = {
  requestBatchMaxCount: 5,
  requestBatchMaxInterval: milliseconds(10),
  requestPoolSize: 40,
  requestPoolSubmitTimeout: milliseconds(500),
  incomingMessageBufferSize: 50,
  requestForwardTimeout: milliseconds(150),
  requestComplainTimeout: milliseconds(450),
  requestAutoRemoveTimeout: milliseconds(5000),
  viewChangeResendInterval: milliseconds(400),
  viewChangeTimeout: milliseconds(2000),
  leaderHeartbeatTimeout: milliseconds(1500),
  leaderHeartbeatCount: 5,
  numOfTicksBehindBeforeSyncing: 5,
  collectTimeout: milliseconds(60),
  tickInterval: milliseconds(50),
} satisfies Partial<ProtocolOptions>;

/** Nodes that are no members at first, for `reconfigure` to add. */
export const spareCount = 2;

export function clusterOptions(seed: number, setting: Setting): ClusterOptions {
  const { size, fidelity, decisionsPerLeader, speedUpViewChange, syncOnStart } = setting;
  return {
    size,
    spare: spareCount,
    seed: `fuzz-${seed}`,
    linkDelay: milliseconds(setting.linkDelayMs),
    fsync: milliseconds(setting.fsyncMs),
    verifyTime: () => milliseconds(setting.verifyMs),
    syncTime: milliseconds(2),
    emptyAuxiliary: setting.emptyAuxiliary,
    remembersSteps: false,
    protocol: {
      ...timers,
      fidelity,
      speedUpViewChange,
      syncOnStart,
      leaderRotation: decisionsPerLeader > 0,
      decisionsPerLeader,
    },
  };
}

/**
 * How long progress may take. The first complaint comes after the request timers or the heartbeats; an attempt at a view
 * takes as many timeouts as were lost before it (section 8.7), which is at most what fitted into the first act; each of
 * the members that cannot lead costs an attempt, one more each for a lagging follower and for a lone complainer, who are
 * back after a timeout of their own. Then each of the requests that wait may need a turn of each leader.
 */
export function progressBound({ size, actOneMs }: Setting): Duration {
  const t = timers;
  const tickMs = toMilliseconds(t.tickInterval);
  const complaintMs =
    Math.max(
      toMilliseconds(t.leaderHeartbeatTimeout),
      toMilliseconds(microseconds(t.requestForwardTimeout + t.requestComplainTimeout)),
    ) +
    2 * tickMs;
  const timeoutMs = toMilliseconds(t.viewChangeTimeout) + toMilliseconds(t.collectTimeout) + 2 * tickMs;
  const attempts = faultsTolerated(size + spareCount) + 3;
  // The multiplier grows by one a timeout, and k timeouts take 1 + 2 + … + k of them; while votes miss, k take k.
  const before = Math.ceil(actOneMs / timeoutMs);
  let attemptsMs = 0;
  for (let attempt = 1; attempt <= attempts; attempt++) attemptsMs += (before + attempt) * timeoutMs;
  return milliseconds((size + spareCount) * complaintMs + attemptsMs);
}
