// A command inside a node, with this terminal. Ctrl-C is the command's: it may end of it or not, as in a shell. A signal to this
// process is passed on, a second one as SIGKILL. Nothing of it outlives this process (lab, agent/sessions.ts).
import { spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import type { RunningLab } from "../lab/index.js";
import { errorText, toolPath } from "../system/index.js";
import type { Interrupt } from "./interrupt.js";
import { say } from "./output.js";

export interface InsideOptions {
  readonly interrupt: Interrupt;
  readonly stdio: StdioOptions;
  /** What the command has started and left, when it has ended by itself. */
  readonly leftovers: "stay" | "end";
}

/** A command that ends this long after a signal ends of something else. */
const endMsMax = 10_000;

/** The command's exit code; 128 and the signal's number where one ended it, as a shell has it. */
export async function runInside(
  lab: RunningLab,
  node: string,
  command: readonly string[],
  { interrupt, stdio, leftovers }: InsideOptions,
): Promise<number> {
  const session = await lab.session(node, command);
  const [program = "", ...words] = session.arguments;
  let asked: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
  let relayed = false;
  const relay = async (name: NodeJS.Signals): Promise<void> => {
    asked = { name, at: performance.now() };
    // The terminal has told its foreground processes, the command among them: it may live through as many as it likes.
    if (name === "SIGINT" && session.sharesTerminal && (await inForeground())) return;
    const again = relayed;
    relayed = true;
    await session.signal(again ? "SIGKILL" : name);
  };
  interrupt.relayTo((name) => void relay(name).catch((error: unknown) => say(`testbed: ${errorText(error)}`)));
  try {
    const child = spawn(program, words, { stdio, env: { ...process.env, PATH: toolPath() } });
    const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null]; // Node's own event
    const code = exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    const by = code !== 0 && asked !== undefined && performance.now() - asked.at < endMsMax ? asked.name : undefined;
    // A shell's children in the background do not hear a SIGINT, and they were not left on purpose.
    await (by === undefined && leftovers === "stay" ? session.leave() : session.end());
    // What stands between does not tell a SIGINT by which the command ended.
    return by === undefined ? code : 128 + constants.signals[by];
  } finally {
    interrupt.relayTo(undefined);
  }
}

/** This process is in the foreground of its terminal (proc(5), stat, fields 5 and 8): what is typed there reaches it. */
async function inForeground(): Promise<boolean> {
  const stat = await readFile("/proc/self/stat", "utf8");
  const [, , , group = "", , , foreground = ""] = stat.slice(stat.lastIndexOf(")") + 1).split(" ");
  return group !== "" && group === foreground;
}
