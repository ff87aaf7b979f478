// Numbers on the command line.
import { UserError } from "../system/index.js";

/** A whole number from 1 for the option that is named, or `otherwise` where none was given. */
export function countFrom(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && count > 0) return count;
  throw new UserError(`Cannot use --${option} "${text}": expected a whole number from 1`);
}

/** A whole number from 0, for the option that is named. */
export function numberFrom(text: string, option: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UserError(`Cannot use --${option} "${text}": expected a whole number`);
}
