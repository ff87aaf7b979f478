// Commands that users run inside nodes (testbed exec, shell, capture). Each carries a mark in its environment, which what it
// starts inherits, so that all of it is found wherever it lives. It is signalled on demand; and when the command line that
// runs it has gone without a word (killed, its terminal closed), it is ended, so that nothing of it is left in the node.
// What a command leaves behind when it ends by itself (a server in the background) stays: it was meant to.
import { readdir, readFile } from "node:fs/promises";
import { assert } from "../../base/index.js";
import { hasCode, there, until, waiting, type Look } from "../../system/index.js";

/** Name of the variable that holds a session's mark. */
export const sessionMark = "TESTBED_SESSION";

const politeMsMax = 2_000;
const endMsMax = 10_000;

export class Sessions {
  readonly #open = new Set<string>();
  readonly #complain: (text: string) => void;

  constructor(complain: (text: string) => void) {
    this.#complain = complain;
  }

  /** `closed` fires when the connection of whoever began it has gone. */
  begin(mark: string, closed: AbortSignal): void {
    assert(/^[0-9a-f-]{36}$/.test(mark), "a session's mark is a UUID");
    this.#open.add(mark);
    const gone = (): void => {
      if (!this.#open.has(mark)) return;
      this.end(mark).catch((error: unknown) => this.#complain(`end of a command in a node: ${String(error)}`));
    };
    if (closed.aborted) gone();
    else closed.addEventListener("abort", gone, { once: true });
  }

  /** The command has ended by itself. */
  leave(mark: string): void {
    this.#open.delete(mark);
  }

  /** Sends a signal to every process of a session; answers how many there are. */
  async signal(mark: string, name: NodeJS.Signals): Promise<number> {
    const pids = await processesMarked(mark);
    for (const pid of pids) killIfThere(pid, name);
    return pids.length;
  }

  /** Ends every process of a session, with time to do it well; resolves when none is left. */
  async end(mark: string): Promise<void> {
    this.#open.delete(mark);
    const signal = new AbortController().signal;
    const look = async (name: NodeJS.Signals | 0): Promise<Look<true>> => {
      const count = name === 0 ? (await processesMarked(mark)).length : await this.signal(mark, name);
      return count === 0 ? there(true) : waiting(`${count} processes of it are there`);
    };
    await this.signal(mark, "SIGTERM");
    const what = "the processes of a command that was left to end";
    try {
      await until(() => look(0), { timeoutMs: politeMsMax, everyMs: 50, signal, what });
    } catch {
      // They do not listen: the same wait again, with a signal that nobody can ignore; its failure is told.
      await until(() => look("SIGKILL"), { timeoutMs: endMsMax, everyMs: 50, signal, what });
    }
  }
}

async function processesMarked(mark: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const wanted = `${sessionMark}=${mark}`;
  const found: number[] = [];
  for (const pid of pids) if ((await environmentOf(pid)).includes(wanted)) found.push(pid);
  return found;
}

async function environmentOf(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return []; // gone meanwhile, or none of ours
    throw error;
  }
}

function killIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error; // it ended by itself in between
  }
}
