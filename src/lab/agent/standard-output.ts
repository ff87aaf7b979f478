// Where this process and what it starts print to, changed while it runs: a sandbox begins before the lab has a folder.
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { OperatingError } from "../../system/index.js";

const dup2 = koffi.load(null).func("int dup2(int from, int to)");

/** From now on standard output and standard error are the end of this file. */
export function printTo(path: string): void {
  const file = openSync(path, "a", 0o600);
  for (const descriptor of [1, 2]) {
    if (dup2(file, descriptor) === descriptor) continue;
    throw new OperatingError(`Print to ${path}: dup2 failed with error ${koffi.errno()}`);
  }
  closeSync(file);
}
