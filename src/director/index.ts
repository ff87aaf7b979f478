// director: experiment + events so far → actions due. Pure.
export type { Action, Draw, ResolvedFault } from "./contract.js";
