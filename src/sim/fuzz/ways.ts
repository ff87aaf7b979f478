// All ways in which a node of a schedule may turn: the wrappers of smartbft/byzantine, which labs know by the same names, and
// the fuzzer's own behaviours, which see only what a node says and hears (behaviours.ts). A name is one or the other.
import { misbehaviours, type Misbehaviour } from "../../smartbft/index.js";
import { behaviours, plottedBehaviours } from "./behaviours.js";

/** Those that seeds draw. */
export const behaviourNames: readonly string[] = [...misbehaviours, ...Object.keys(behaviours)];
/** Those that a schedule may have. */
export const allBehaviourNames: readonly string[] = [...behaviourNames, ...Object.keys(plottedBehaviours)];

export const isMisbehaviour = (name: string): name is Misbehaviour => misbehaviours.some((each) => each === name);
