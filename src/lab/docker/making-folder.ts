// Folders in which images are made, below the folder of temporary files. A name says which process is at it, so that what one left that was
// killed is found and removed; what it had begun ends with it.
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCode } from "../../system/index.js";
import { isAlive, processHere } from "../netns/host-process.js";
import { findProgram } from "../probes/packages.js";

type Kind = "base" | "image";

export async function makingFolder(kind: Kind): Promise<string> {
  const { pid, startTicks } = await processHere();
  return mkdtemp(join(tmpdir(), `testbed-${kind}-${pid}-${startTicks}-`));
}

const nameFormat = /^testbed-(?:base|image)-(?<pid>\d+)-(?<startTicks>\d+)-/;

/** Removes those of this user's whose process has gone; answers what it removed. */
export async function removeAbandonedFolders(): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const { pid, startTicks } = nameFormat.exec(name)?.groups ?? {};
    if (pid === undefined || (await isAlive({ pid: Number(pid), startTicks: Number(startTicks) }))) continue;
    const folder = join(tmpdir(), name);
    try {
      const found = await lstat(folder);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue; // anybody may make a name there
    } catch (error) {
      if (hasCode(error, "ENOENT")) continue; // another command removed it
      throw error;
    }
    await rm(folder, { recursive: true, force: true });
    removed.push(`folder ${folder}`);
  }
  return removed;
}

/** Words before a command that make it end with this process, however that ends (prctl(2), PR_SET_PDEATHSIG); none without setpriv. */
export const endingWithUs = (): readonly string[] =>
  findProgram("setpriv") === undefined ? [] : ["setpriv", "--pdeathsig", "KILL"];

/** The same for a command that starts others, as root: they, and what they mount, are gone with it. */
export const endingWholeWithUs = (): readonly string[] => [
  ...endingWithUs(),
  "unshare",
  "--pid",
  "--mount",
  "--fork",
  "--kill-child",
];
