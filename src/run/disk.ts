// Writing where a user said: what the disk refuses becomes a sentence. A place that cannot be written to is the user's
// mistake; a disk that fills up while we write is not.
import { diskTrouble, hasCode, OperatingError, UserError } from "../system/index.js";

/** Runs `work`; its failure is told as "Cannot write PATH: reason". */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UserError) throw cause; // told already
    const trouble = diskTrouble(cause);
    if (trouble?.kind === "refused") {
      throw new UserError(`Cannot write results to "${path}": ${trouble.why}`, {
        suggestion: "name another folder with --output",
      });
    }
    throw new OperatingError(`Cannot write results to "${path}": ${trouble?.why ?? "it failed"}`, {
      suggestion: hasCode(cause, "ENOENT")
        ? "a results folder must stay in its place until its run has ended: run it again"
        : "what was written before is intact; make room, or name another folder with --output",
      ...(trouble === undefined ? { cause } : {}),
    });
  }
}
