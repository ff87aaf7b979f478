// Boots user-mode-linux with this machine's files as its root and runs a script in it as pid 1: a kernel with the real
// sch_netem where the host's has none. Debian's package `user-mode-linux`; modules by `kmod` from the package's folder.
// gcc compiles whole-registers.c for it, without which it runs on no processor with AMX.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

export interface Boot {
  /** Shell text: runs in the folder of `files`; what it writes to out/NAME comes back. */
  readonly script: string;
  readonly files: Readonly<Record<string, string>>;
  readonly modules: readonly string[];
  readonly timeoutMs: number;
}

/** Text the script wrote to out/NAME, by name; rejects with the console's text when the script did not end. */
export async function runInUserModeLinux(boot: Boot): Promise<(name: string) => Promise<string>> {
  const folder = await mkdtemp(join(tmpdir(), "testbed-uml-"));
  await mkdir(join(folder, "out"));
  await mkdir(join(folder, "modules", "lib"), { recursive: true });
  for (const [name, text] of Object.entries(boot.files)) await writeFile(join(folder, name), text);
  const init = join(folder, "init");
  await writeFile(init, initText(folder, boot));
  await chmod(init, 0o755);
  const preload = join(folder, "whole-registers.so");
  const preloadSource = fileURLToPath(new URL("whole-registers.c", import.meta.url));
  await execa("gcc", ["-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared", "-o", preload, preloadSource]);
  const words = [
    "mem=512M",
    "rootfstype=hostfs",
    "rootflags=/",
    "rw",
    `init=${init}`,
    "con=null",
    "con0=fd:0,fd:1",
    "quiet",
  ];
  const run = await execa("linux.uml", words, {
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: boot.timeoutMs,
    env: { TMPDIR: folder, LD_PRELOAD: preload },
  });
  const ended = await readFile(join(folder, "out", "ended"), "utf8").catch(() => "");
  if (ended.trim() !== "0")
    throw new Error(`The script in user-mode-linux did not end well (status "${ended.trim()}"):\n${run.all}`);
  const texts = new Map<string, string>();
  const read = async (name: string): Promise<string> =>
    texts.get(name) ?? (await readFile(join(folder, "out", name), "utf8"));
  for (const name of boot.script.match(/\bout\/[\w.-]+/g) ?? [])
    texts.set(name.slice(4), await readFile(join(folder, name), "utf8"));
  await rm(folder, { recursive: true });
  return read;
}

function initText(folder: string, boot: Boot): string {
  const probes = boot.modules.map((module) => `modprobe -d ${folder}/modules ${module} || exit 1`).join("\n");
  return `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run
ln -s /usr/lib/uml/modules ${folder}/modules/lib/modules
cd ${folder}
( set -e
${probes}
${boot.script}
) >${folder}/out/console 2>&1
status=$?
cat ${folder}/out/console
echo $status >${folder}/out/ended
sync
halt -f -p
`;
}
