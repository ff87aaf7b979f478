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
export { changesBetween, isUnchanged, type LinkChange, type PlanChanges } from "./changes.js";
export type { FrrChange } from "./change-frr.js";
export type { Refusal } from "./change-refusals.js";
export type { ChangeSteps } from "./change-steps.js";
export { changeCommandsText, changesText, refusalText } from "./changes-text.js";
export { frrPart } from "./frr-part.js";
export { graphDot } from "./graph-dot.js";
export { graphMermaid } from "./graph-mermaid.js";
export { graphSvg } from "./graph-svg.js";
export { type Graph, graphFor, type GraphState } from "./graph.js";
export { impairmentWords } from "./impairment.js";
export { planFor } from "./plan-for.js";
export { planText } from "./plan-text.js";
export { parsePlan, planSchema } from "./plan.schema.js";
export { clientMspId, ordererPort } from "./service.js";
