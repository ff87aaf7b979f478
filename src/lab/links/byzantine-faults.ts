// Byzantine orderers: told over their control socket to misbehave, read back from their status, told to be honest again. A
// process that is killed and started again meanwhile is told again; one that is not there comes back honest after the undo.
import type { Instant } from "../../base/index.js";
import type { Misbehaviour } from "../../boundary/index.js";
import { OperatingError } from "../../system/index.js";
import type { Confirmed, Cut } from "./downs.js";

/** What such a fault needs of an orderer. */
export interface TurnableNode {
  /** Resolves with the instant at which it has turned. "": honest, and so is the process that follows one that is gone. */
  turn(how: Misbehaviour | ""): Promise<Instant>;
  /** What it says that it does; "" of a process that is gone. */
  misbehaviour(): Promise<string>;
}

export async function turnByzantine(node: string, how: Misbehaviour, turnable: TurnableNode): Promise<Cut> {
  return { ...(await turned(node, how, turnable)), undo: () => turned(node, "", turnable) };
}

async function turned(node: string, how: Misbehaviour | "", turnable: TurnableNode): Promise<Confirmed> {
  const at = await turnable.turn(how);
  const found = await turnable.misbehaviour();
  const text = (misbehaviour: string): string => (misbehaviour === "" ? "honest" : misbehaviour);
  if (found !== how) throw new OperatingError(`Turn ${node} ${text(how)}: it says that it is ${text(found)}`);
  return { at, detail: how === "" ? `${node} says that it is honest` : `${node} says that it misbehaves: ${how}` };
}
