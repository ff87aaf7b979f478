// Which state of the testbed made a run: commit and dirty flag of the clone, or the package's version.
import { join } from "node:path";
import { execa } from "execa";

/** Root of the clone or the installed package: the folder above the bundle. */
export const packageRoot = join(import.meta.dirname, "..");

export async function repositoryState(): Promise<{ readonly commit: string; readonly dirty: boolean }> {
  const git = (...words: readonly string[]): Promise<{ failed: boolean; stdout: string }> =>
    execa("git", ["-c", `safe.directory=${packageRoot.replace(/\/$/, "")}`, "-C", packageRoot, ...words], {
      reject: false,
    });
  const head = await git("rev-parse", "HEAD");
  if (head.failed) return { commit: "not a clone", dirty: false };
  const status = await git("status", "--porcelain");
  return { commit: head.stdout.trim(), dirty: status.stdout.trim() !== "" };
}
