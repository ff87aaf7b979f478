// Progress of long work: one line per phase with its time, on stderr.
import type { Progress } from "../lab/index.js";
import { say } from "./output.js";

export function progressLine({ phase, milliseconds }: Progress): void {
  say(`  ${phase} ${(milliseconds / 1000).toFixed(2)} s`);
}
