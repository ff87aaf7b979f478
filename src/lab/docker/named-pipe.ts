// A named pipe without a process to make it: mkfifo(1) for the pipes of a lab takes as long as one of its containers.
import koffi from "koffi";
import { OperatingError } from "../../system/index.js";

const mkfifo = koffi.load(null).func("int mkfifo(const char *path, unsigned int mode)");

/** For its owner alone; rejects what is there already. */
export function makeNamedPipe(path: string): void {
  if (mkfifo(path, 0o600) === 0) return;
  throw new OperatingError(`Make the named pipe ${path}: mkfifo failed with error ${koffi.errno()}`);
}
