// checks: the invariants as folds over events, each with its three answers. Pure.
export { Agreement } from "./agreement.js";
export { AllChecks, type CheckCounts } from "./all-checks.js";
export { Byzantine } from "./byzantine.js";
export { HashChain, NoGap } from "./chain.js";
export { judgement, worst, type Check, type CheckContext, type CheckVerdict, type Truth } from "./check.js";
export { Clock } from "./clock.js";
export {
  EquivocationProofs,
  EquivocationsObserved,
  equivocationText,
  type Equivocation,
  type SignedStatement,
} from "./equivocation.js";
export { FaultsEffective, FaultsOnTime, KernelConfirms, latenessMax, latenessOf } from "./faults.js";
export { Impairments } from "./impairments.js";
export { Liveness } from "./liveness.js";
export { NothingLost, type LossCount } from "./nothing-lost.js";
export { NothingTwice } from "./nothing-twice.js";
export { Pool } from "./pool.js";
export { Processes } from "./processes.js";
export { RecentMap } from "./recent-map.js";
export { Validity } from "./validity.js";
export { ViewOrder } from "./view-order.js";
export { Window } from "./window.js";
