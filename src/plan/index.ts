// plan: Topology → everything decided. Pure.
export {
  planFormat,
  type Plan,
  type PlannedEnd,
  type PlannedFrr,
  type PlannedInterface,
  type PlannedLink,
  type PlannedNode,
  type PlannedService,
  type PlannedSteps,
  type PlannedSwitch,
  type Step,
} from "./plan.js";
export { planFor } from "./plan-for.js";
export { planText } from "./plan-text.js";
export { parsePlan, planSchema } from "./plan.schema.js";
export { clientMspId, ordererPort } from "./service.js";
