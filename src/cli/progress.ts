// Progress of long work: one line per phase with the time since its begin, on stderr.
import type { Progress } from "../lab/index.js";
import { say } from "./output.js";

export function progressLine({ phase, milliseconds }: Progress): void {
  say(`  ${phase} ${(milliseconds / 1000).toFixed(2)} s`);
}

/** Lines stamped with the time since now. */
export function progressFromNow(): (phase: string) => void {
  const startedAt = performance.now();
  return (phase) => progressLine({ phase, milliseconds: performance.now() - startedAt });
}
