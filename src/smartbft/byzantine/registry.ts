// The wrappers by name. docs/byzantine.md says of each what it does and what the protocol answers.
import type { Misbehaviour, Wrap } from "./contract.js";
import { equivocate } from "./equivocation.js";
import { endlessSync, forgedSender, slowDrip } from "./impositions.js";
import { crashProne, twins } from "./lives.js";
import { replayFlood, staleReplay } from "./replays.js";
import { censor, conflictingViewData, corruptSignatures, silent } from "./speech.js";

export const wrapperOf: Readonly<Record<Misbehaviour, Wrap>> = {
  silent,
  "crash-prone": crashProne,
  equivocate,
  twins,
  censor,
  "slow-drip": slowDrip,
  "stale-replay": staleReplay,
  "replay-flood": replayFlood,
  "endless-sync": endlessSync,
  "conflicting-view-data": conflictingViewData,
  "corrupt-signatures": corruptSignatures,
  "forged-sender": forgedSender,
};
