// director: experiment + events so far → actions due. Pure.
export type { Action, ResolvedFault } from "./contract.js";
export { Director } from "./director.js";
export { Roles } from "./roles.js";
export { resolveFault } from "./targets.js";
