// Reading what people wrote: a missing file is a user's mistake, told as such.
import { readFile } from "node:fs/promises";
import { UserError } from "../system/index.js";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you may not read it",
};

/** Text of a file a user named; `what` is what it should hold ("a topology"). */
export async function readUserFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    throw new UserError(`Cannot read ${what} from "${path}": ${reasons[code] ?? code}`, {
      suggestion:
        what === "a topology" ? "the shipped ones are in topologies/" : "the shipped ones are in experiments/",
    });
  }
}
