// Reading what people wrote: a missing file is a user's mistake, told as such.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
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

/** Ten thousand nodes take less; what a stranger's experiment names may have no end (/dev/zero). */
const fileBytesMax = 4 * 1024 * 1024;

/** Text of a file a user named; `what` is what it should hold. */
export function readUserFile(path: string, what: keyof typeof shipped): Promise<string> {
  return reading(path, what, () => textOf(path));
}

/** Text of a file that another file names: a pipe or a terminal would be waited for. */
export function readNamedFile(path: string, what: keyof typeof shipped): Promise<string> {
  return reading(path, what, async () => {
    if ((await stat(path)).isDirectory()) throw new Refused(reasons["EISDIR"] ?? "");
    if (!(await stat(path)).isFile()) throw new Refused("it is no regular file");
    return textOf(path);
  });
}

class Refused extends Error {}

async function textOf(path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > fileBytesMax) throw new Refused(`it is larger than ${fileBytesMax / 1024 / 1024} MiB`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function reading(path: string, what: keyof typeof shipped, read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = cause instanceof Refused ? cause.message : (reasons[code] ?? code);
    throw new UserError(`Cannot read ${what} from "${path}": ${why}`, { suggestion: shipped[what] });
  }
}
