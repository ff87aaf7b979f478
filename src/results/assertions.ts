// What the experiment asserts about its outcome, as verdicts beside the checks.
import { assertNever, type Duration, type Instant } from "../base/index.js";
import type { CheckVerdict } from "../checks/index.js";
import type { Assertion } from "../spec/index.js";
import type { FaultRow } from "./fault-log.js";

export interface Outcome {
  readonly viewChangeCount: number | undefined;
  readonly outage: Duration | undefined;
  readonly uncommitted: number;
  readonly invoked: number;
  readonly faults: readonly FaultRow[];
  readonly loadEndedAt: Instant | undefined;
}

/** `lacks`: what a run that was broken off has not; it shows nothing of what was asserted of a whole one. */
export function assertionVerdict(assertion: Assertion, outcome: Outcome, lacks: string | undefined): CheckVerdict {
  const verdict = verdictOfWhole(assertion, outcome);
  if (lacks === undefined || verdict.verdict === "unknown") return verdict;
  return { ...verdict, verdict: "unknown", detail: `${verdict.detail}; but ${lacks}` };
}

function verdictOfWhole(assertion: Assertion, outcome: Outcome): CheckVerdict {
  const name = `assert ${assertion.kind}`;
  switch (assertion.kind) {
    case "view-changes": {
      const count = outcome.viewChangeCount;
      if (count === undefined) return { name, verdict: "unknown", detail: "no orderer stated its view" };
      const isGood = count >= assertion.min && count <= assertion.max;
      return {
        name,
        verdict: isGood ? "true" : "false",
        detail: `${count}, expected ${assertion.min} to ${assertion.max}`,
      };
    }
    case "outage": {
      if (outcome.outage === undefined) return { name, verdict: "unknown", detail: "the outage is unknown" };
      const isGood = outcome.outage >= assertion.min && outcome.outage <= assertion.max;
      const bounds = `${milliseconds(assertion.min)} to ${milliseconds(assertion.max)}`;
      return {
        name,
        verdict: isGood ? "true" : "false",
        detail: `${milliseconds(outcome.outage)}, expected ${bounds}`,
      };
    }
    case "committed-all": {
      if (outcome.invoked === 0) return { name, verdict: "unknown", detail: "no transaction was asked for" };
      const detail = `${outcome.uncommitted} of ${outcome.invoked} transactions were not committed by the end`;
      return { name, verdict: outcome.uncommitted === 0 ? "true" : "false", detail };
    }
    case "caught-up":
      return caughtUp(name, assertion.within, outcome);
    default:
      return assertNever(assertion);
  }
}

/** Faults that are undone only by the end of the run give nobody the time to catch up: they do not count. */
function caughtUp(name: string, within: Duration, { faults, loadEndedAt }: Outcome): CheckVerdict {
  const healed = faults.filter((row) => {
    return row.healedAt !== undefined && (loadEndedAt === undefined || row.healedAt < loadEndedAt);
  });
  if (healed.length === 0) return { name, verdict: "unknown", detail: "nothing was healed under load" };
  const never = healed.find((row) => row.caughtUpAfter === undefined);
  if (never !== undefined)
    return { name, verdict: "false", detail: `${never.target} was not level with the others by the end` };
  const slowest = Math.max(...healed.map((row) => row.caughtUpAfter ?? 0));
  const detail = `${milliseconds(slowest)} after the heal, expected within ${milliseconds(within)}`;
  return { name, verdict: slowest <= within ? "true" : "false", detail };
}

const milliseconds = (duration: number): string => `${(duration / 1_000).toFixed(1)} ms`;
