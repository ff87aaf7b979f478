// What a node's processes wrote, as log events at the end of a run: the lab's folder goes with the lab, a results folder stays.
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { LogEvent } from "../../boundary/index.js";
import { hasCode, now } from "../../system/index.js";

/** By process: FRR's own log, what its daemons print, what the start script and the service print. */
const files = { frr: "frr.log", daemons: "daemons.log", service: "service.log" } as const;

/** The end of a file is what explains a run's end; 200 nodes with all their files stay below 160 MB. */
const bytesEachMax = 256 * 1024;

/** One event for each file that is not empty. */
export async function nodeLogs(node: string, folder: string): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = [];
  for (const [process, name] of Object.entries(files)) {
    const text = await endOfFile(join(folder, name));
    if (text !== "") events.push({ kind: "log", at: now(), node, process, text });
  }
  return events;
}

async function endOfFile(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const start = Math.max(0, size - bytesEachMax);
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    return buffer.subarray(0, bytesRead).toString("utf8").trimEnd();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return ""; // a node without FRR has no such file
    throw error;
  }
}
