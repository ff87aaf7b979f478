// What a node's processes wrote, printed from the lab's folder, wherever that is; a heading says where another file goes on.
import { join } from "node:path";
import type { RunningLab } from "../lab/index.js";
import { pause, UserError } from "../system/index.js";
import { print } from "./output.js";

/** With `follow` until the signal, or until the lab has gone. */
export async function printLogs(
  lab: RunningLab,
  node: string,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { plan } = await lab.plan();
  if (!plan.nodes.some(({ name }) => name === node)) {
    throw new UserError(`There is no node "${node}" in lab "${lab.name}"`, { suggestion: "see: testbed status" });
  }
  const place = join("nodes", node);
  const positions = new Map<string, number>();
  for (let last = ""; ; ) {
    const isGone = !(await lab.folder.alive());
    const files = (await lab.folder.list(place)) ?? []; // one that runs nothing has no folder
    for (const file of files.filter((name) => name.endsWith(".log"))) {
      for (;;) {
        const position = positions.get(file) ?? 0;
        const bytes = (await lab.folder.read(join(place, file), position)) ?? Buffer.alloc(0);
        if (bytes.length === 0) break;
        if (follow && last !== file) await print(`${last === "" ? "" : "\n"}==> ${file} <==\n`);
        last = file;
        await print(bytes);
        positions.set(file, position + bytes.length);
      }
    }
    if (!follow || isGone || signal.aborted) return;
    await pause(lab.folder.everyMs, { signal });
  }
}
