// Files into containers and out of them by the engine's archive API, which works on one that does not run too. Archives are
// `tar` in its ustar form (POSIX.1-1988): blocks of 512 bytes, a header before each file, numbers in octal.
import { buffer } from "node:stream/consumers";
import type Docker from "dockerode";
import { assert } from "../../base/index.js";
import { statusOf } from "./engine-errors.js";

export interface ArchiveFile {
  /** Absolute path in the container. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

const blockBytes = 512;
/** Offsets and lengths of the header's fields. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

/** Puts the files there, and the folders that lead to them, owned by root. */
export async function putFiles(container: Docker.Container, files: readonly ArchiveFile[]): Promise<void> {
  if (files.length === 0) return;
  await container.putArchive(archiveOf(files), { path: "/" });
}

/** Bytes of one file; undefined when there is no such file, or no such container any more. */
export async function fileFrom(container: Docker.Container, path: string): Promise<Buffer | undefined> {
  try {
    return firstFileIn(await buffer(await container.getArchive({ path })));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

export function archiveOf(files: readonly ArchiveFile[]): Buffer {
  const parts = files.flatMap((file) => {
    const bytes = Buffer.from(file.text);
    return [headerFor(file, bytes.length), bytes, Buffer.alloc(padding(bytes.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

const padding = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

function headerFor({ path, mode }: ArchiveFile, size: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const put = ([offset, length]: readonly [number, number], text: string): void => {
    assert(Buffer.byteLength(text) <= length, `"${text}" fits ${length} bytes of a tar header`);
    header.write(text, offset, length);
  };
  const { prefix, name } = split(path.replace(/^\/+/, ""));
  put(field.name, name);
  put(field.prefix, prefix);
  put(field.mode, `${mode.toString(8).padStart(7, "0")}\0`);
  put([108, 8], "0000000\0"); // owner
  put([116, 8], "0000000\0"); // group
  put(field.size, `${size.toString(8).padStart(11, "0")}\0`);
  put([136, 12], "00000000000\0"); // time of change: none, so that an archive is a function of its files
  put(field.type, "0");
  put(field.magic, "ustar\u000000");
  put(field.checksum, "        ");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(field.checksum, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** A path longer than 100 bytes is divided at a slash. */
function split(path: string): { readonly prefix: string; readonly name: string } {
  if (Buffer.byteLength(path) <= field.name[1]) return { prefix: "", name: path };
  const slashes = [...path.matchAll(/\//g)].map((match) => match.index);
  const at = slashes.find((index) => Buffer.byteLength(path.slice(index + 1)) <= field.name[1]);
  assert(at !== undefined, `a part of "${path}" short enough for a tar header`);
  return { prefix: path.slice(0, at), name: path.slice(at + 1) };
}

/** Contents of an archive's first regular file. */
export function firstFileIn(archive: Buffer): Buffer | undefined {
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const text = ([offset, length]: readonly [number, number]): string =>
      archive.subarray(at + offset, at + offset + length).toString("utf8");
    const size = sizeOf(archive.subarray(at + field.size[0], at + field.size[0] + field.size[1]));
    const start = at + blockBytes;
    const type = text(field.type);
    if (type === "0" || type === "\0") {
      return text([0, 1]) === "\0" ? undefined : archive.subarray(start, start + size);
    }
    at = start + size + padding(size);
  }
  return undefined;
}

/** Octal, or above 8 GiB a binary number marked by its first bit. */
function sizeOf(bytes: Buffer): number {
  if (((bytes[0] ?? 0) & 0x80) !== 0) return Number(bytes.readBigUInt64BE(4));
  return Number.parseInt(bytes.toString("latin1").replaceAll(/[\0 ]+$/g, ""), 8) || 0;
}
