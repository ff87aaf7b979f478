// Reading what people wrote: a missing file is a user's mistake, told as such.
import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, pause, UserError } from "../system/index.js";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you may not read it",
  ELOOP: "it is a link that leads to itself",
  ENXIO: "it is a socket",
  ENAMETOOLONG: "its name is too long",
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
  for await (const chunk of chunksOf(path)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > fileBytesMax) throw new Refused(`it is larger than ${fileBytesMax / 1024 / 1024} MiB`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (hasCode(error, "ERR_ENCODING_INVALID_ENCODED_DATA")) throw new Refused("it is not UTF-8 text");
    throw error;
  }
}

/**
 * A pipe or a terminal is asked again and again, because a read that waits in a thread keeps the process from ending at
 * Ctrl-C. A named pipe whose writer has not come yet looks like one whose writer has gone: there only what follows bytes is
 * an end.
 */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let mayCome = await isNamedPipe(file, path);
    for (;;) {
      const chunk = await nextChunk(file);
      if (chunk === "nothing yet" || (mayCome && chunk.length === 0)) {
        await pause(20, { signal: never });
        continue;
      }
      if (chunk.length === 0) return;
      mayCome = false;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/** Pipes that a shell makes are of a file system of the kernel's own. */
async function isNamedPipe(file: FileHandle, path: string): Promise<boolean> {
  const facts = await file.stat();
  return facts.isFIFO() && facts.dev === (await stat(dirname(path))).dev;
}

/** Of an interruption the process ends at once: here is nothing to clean up. */
const never = new AbortController().signal;

async function nextChunk(file: FileHandle): Promise<Uint8Array | "nothing yet"> {
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return "nothing yet";
    throw error;
  }
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
