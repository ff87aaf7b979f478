// Files of ours: whole or not at all, and "not there" told apart from every other failure; what a disk refuses is a sentence.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { OperatingError, UserError } from "./errors.js";

/** True when the error is a system error with one of these codes (ENOENT, EEXIST …). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

/** Text of a file; undefined when there is none. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Readers see the old text or the new one, never a part. Mode 0600 unless given. */
export async function writeWhole(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Makes a folder and those above it that are missing; what is there is left as it is. Not by mkdir's own `recursive`: of a
 * file system that is read-only Node then says ENOENT.
 */
export async function makeFolders(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
    await makeFolders(dirname(path), mode);
    await mkdir(path, { mode }).catch((again: unknown) => {
      if (!hasCode(again, "EEXIST")) throw again; // somebody else made it meanwhile
    });
  }
}

/** A place that cannot be written to is the user's to choose anew; a disk that fills up while we write is not. */
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
  ENOENT: "its folder is not there any more",
  EIO: "the disk does not answer",
};

/** Why a path cannot be written to, as a sentence; undefined when the error is about something else. */
export function diskTrouble(error: unknown): { readonly kind: "refused" | "failed"; readonly why: string } | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const refusal = refusals[code];
  if (refusal !== undefined) return { kind: "refused", why: refusal };
  const failure = failures[code];
  return failure === undefined ? undefined : { kind: "failed", why: failure };
}

/** Runs work that writes below `path`; what the disk refuses is told as "Cannot write PATH: why", with what to do. */
export async function placing<T>(
  path: string,
  { suggestion }: { readonly suggestion: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const trouble = diskTrouble(cause);
    if (trouble === undefined) throw cause;
    const message = `Cannot write "${path}": ${trouble.why}`;
    throw trouble.kind === "refused"
      ? new UserError(message, { suggestion })
      : new OperatingError(message, { suggestion });
  }
}
