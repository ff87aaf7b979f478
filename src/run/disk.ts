// Writing where a user said: what the disk refuses becomes a sentence. A place that cannot be written to is the user's
// mistake; a disk that fills up while we write is not.
import { OperatingError, UserError } from "../system/index.js";

const refusals: Readonly<Record<string, string>> = {
  EEXIST: "it exists already",
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "that file system is read-only",
  ENOTDIR: "a part of that path is a file",
};

const failures: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "your quota of the disk is used up",
};

/** Runs `work`; its failure is told as "Cannot write PATH: reason". */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UserError) throw cause; // told already
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const refusal = refusals[code];
    if (refusal !== undefined) {
      throw new UserError(`Cannot write results to "${path}": ${refusal}`, {
        suggestion: "name another folder with --output",
      });
    }
    const failure = failures[code];
    throw new OperatingError(`Cannot write results to "${path}": ${failure ?? "it failed"}`, {
      suggestion: "what was written before is intact; make room, or name another folder with --output",
      ...(failure === undefined ? { cause } : {}),
    });
  }
}
