// Makes a failing schedule as small as it can: fewer events, shorter and plainer ones, a plainer setting. A candidate is
// taken when it still raises the same alarm. Greedy, to a fixed point, within so many runs.
import type { Event, Schedule, Setting } from "./schedule.js";

export interface Shrunk {
  readonly schedule: Schedule;
  readonly runs: number;
}

/** `fails` runs a candidate and says whether the alarm is still there. */
export function shrunk(schedule: Schedule, fails: (candidate: Schedule) => boolean, runsMax = 400): Shrunk {
  let best = schedule;
  let runs = 0;
  const take = (candidate: Schedule): boolean => {
    if (runs >= runsMax) return false;
    runs += 1;
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let progress = true; progress && runs < runsMax; ) {
    progress = fewerEvents(() => best, take);
    for (const setting of plainer(best.setting)) if (take({ ...best, setting })) progress = true;
    for (const index of best.events.keys()) {
      for (const event of simpler(best.events[index])) {
        if (!take({ ...best, events: best.events.with(index, event) })) continue;
        progress = true;
        break;
      }
    }
  }
  return { schedule: best, runs };
}

/** Delta debugging: halves first, then quarters, down to single events. */
function fewerEvents(best: () => Schedule, take: (candidate: Schedule) => boolean): boolean {
  let progress = false;
  for (let size = Math.ceil(best().events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best().events.length; ) {
      const events = best().events.toSpliced(from, size);
      if (take({ ...best(), events })) progress = true;
      else from += size;
    }
  }
  return progress;
}

function plainer(setting: Setting): readonly Setting[] {
  const everybody = Array.from({ length: setting.size }, (_, index) => index + 1);
  const changes: readonly Partial<Setting>[] = [
    { decisionsPerLeader: 0 },
    { speedUpViewChange: false },
    { syncOnStart: false },
    { emptyAuxiliary: false },
    { jitterMs: 0 },
    { verifyMs: 0 },
    { fsyncMs: 0 },
    { linkDelayMs: 1 },
    { requestsPerSecond: 4 },
    { healed: everybody },
    { actOneMs: Math.max(500, Math.round(setting.actOneMs / 2)) },
  ];
  return changes
    .map((change) => ({ ...setting, ...change }))
    .filter((next) => JSON.stringify(next) !== JSON.stringify(setting));
}

function simpler(event: Event | undefined): readonly Event[] {
  if (event === undefined) return [];
  const candidates: Event[] = [];
  const { when, forMs } = event;
  if (forMs !== undefined && forMs > 30)
    candidates.push({ ...event, forMs: 30 }, { ...event, forMs: Math.round(forMs / 2) });
  if (when.at === "step" && when.delayMs > 0) candidates.push({ ...event, when: { ...when, delayMs: 0 } });
  if (when.at === "step" && when.count > 1) {
    candidates.push(
      { ...event, when: { ...when, count: 1 } },
      { ...event, when: { ...when, count: Math.floor(when.count / 2) } },
    );
  }
  return candidates;
}
