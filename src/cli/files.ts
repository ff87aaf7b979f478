// Reading what people wrote: a missing file is a user's mistake, told as such.
import { readFile } from "node:fs/promises";
import { UserError } from "../system/index.js";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you may not read it",
};

const shipped = {
  "a topology": "the shipped ones are in topologies/",
  "an experiment": "the shipped ones are in experiments/",
  costs: "testbed calibrate writes such a file",
  "a saved schedule": "testbed fuzz saves them under --save",
  "a topology or an experiment": "the shipped ones are in topologies/ and experiments/",
} as const;

/** Text of a file a user named; `what` is what it should hold. */
export async function readUserFile(path: string, what: keyof typeof shipped): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    throw new UserError(`Cannot read ${what} from "${path}": ${reasons[code] ?? code}`, { suggestion: shipped[what] });
  }
}
