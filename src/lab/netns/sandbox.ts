// The sandbox of a lab: network, mount and pid namespaces of its own (and a user namespace where we have no privileges),
// with a tiny reaper as first process that runs the agent and ends with it. When it ends, by whatever cause, the kernel
// ends everything in the sandbox and takes namespaces, links and mounts back: nothing needs a clean shutdown.
//
// It may begin before its lab is known: the agent then waits for the lab's folder on its standard input, and what it says meanwhile
// is kept here. Nothing outside it is made by it; when nobody needs it any more it ends.
//
//     unshare (host) ── sh, pid 1: mounts, reaps ── node agent.mjs ── FRR daemons, services, ip, tc, nft …
import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, OperatingError, readTextIfThere, toolPath } from "../../system/index.js";
import { asSandbox } from "../agent/confinement.js";
import { programs } from "../programs.js";
import type { HostProcess } from "./host-process.js";
import { stateRoot } from "./state-folder.js";

/**
 * Runs as pid 1. The first line reads our pid and start time as the host sees them, from the host's /proc, which the third
 * line replaces. /run is made private for /run/netns, the names of namespaces. FRR insists on groups frr and frrvty: here
 * they are other names of group 0, because a user namespace may map only one group; and vtysh asks PAM for a password file
 * that such a root may not read. The agent runs in the background because a shell that replaces itself by node would reap
 * nothing.
 */
const reaper = `
read -r pid command state parent rest < /proc/self/stat || exit 70
set -- "$pid" $rest -- "$@"
start=$1:\${19}
while [ "$1" != -- ]; do shift; done; shift
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/netns || exit 71
mount -t proc proc /proc || exit 72
{ grep -v -e '^frr:' -e '^frrvty:' /etc/group; echo frr:x:0:; echo frrvty:x:0:; } > /run/group
mount --bind /run/group /etc/group || exit 73
if [ -e /etc/pam.d/frr ]; then
  printf '%s sufficient pam_permit.so\\n' auth account > /run/pam
  mount --bind /run/pam /etc/pam.d/frr || exit 74
fi
exec 3<&0
TESTBED_SANDBOX=$start "$@" <&3 3<&- &
exec </dev/null >/dev/null 2>&1 3<&-
wait $!
exit $?
`;

const failures: Readonly<Record<number, string>> = {
  70: "could not read /proc/self/stat",
  71: "could not mount a private /run",
  72: "could not mount /proc (containers often mask parts of it)",
  73: "could not replace /etc/group inside the sandbox",
  74: "could not replace /etc/pam.d/frr inside the sandbox",
};

/** A sandbox with an agent that waits for its lab. Disposing ends it until it has one. */
export class WaitingSandbox implements AsyncDisposable {
  readonly userNamespace: boolean;
  /** Rejects when the sandbox ends while somebody waits; never resolves. */
  readonly ended: Promise<never>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #directory = "";
  /** What it has printed before there was a log. */
  #said = "";

  /** Starts it, detached: it may outlive this process. */
  constructor({ userNamespace }: { readonly userNamespace: boolean }) {
    this.userNamespace = userNamespace;
    const sandbox = [...asSandbox, "sh", "-c", reaper, "sh", process.execPath, programs.agent];
    const child: ChildProcess = spawn("unshare", [...unshareArguments({ userNamespace }), "--", ...sandbox], {
      detached: true,
      stdio: "pipe",
      cwd: "/",
      // Nothing else of the user's environment reaches a lab: NODE_OPTIONS, http_proxy and their like would change what runs.
      env: { PATH: toolPath(), LC_ALL: "C.UTF-8", HOME: stateRoot() },
    });
    this.#child = child;
    // No streams where there was no descriptor left for them. EPIPE: its end is told by `ended`.
    child.stdin?.on("error", () => undefined);
    for (const output of [child.stdout, child.stderr])
      output?.on("data", (chunk: Buffer) => (this.#said += String(chunk)));
    this.#closed = new Promise((resolve) => child.once("close", resolve));
    this.ended = new Promise<never>((_, reject) => {
      child.once("error", (cause) => reject(new OperatingError("Start the sandbox: could not run unshare", { cause })));
      child.once("exit", (code, signal) => {
        this.#end(code ?? -1, signal ?? "").then(reject, reject);
      });
    });
    this.ended.catch(() => undefined); // heard by who waits; nobody does once the lab is up
  }

  /** Process on this machine whose death ends everything; it ends by itself with the agent. 0 where there is none. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The lab is the one in this folder. From now on it is not ours to end, and its output goes to agent.log there. */
  begin(directory: string): void {
    this.#directory = directory;
    this.#child.stdin?.end(directory);
  }

  /** The lab is up: this process waits for it no more. */
  release(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream?.destroy();
    this.#child.unref();
  }

  /** Killing unshare ends the sandbox's first process (--kill-child), and that one everything else. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#directory !== "" || this.pid === 0) return;
    this.kill();
    await this.#closed;
  }

  async #end(code: number, signal: string): Promise<Error> {
    await this.#closed; // all that it said has come
    const log = this.#directory === "" ? "" : await readTextIfThere(join(this.#directory, "agent.log"));
    return sandboxEnd(`${this.#said}${log ?? ""}`, code, signal);
  }
}

/** True when this process may create namespaces by itself: CAP_SYS_ADMIN and CAP_NET_ADMIN (capabilities(7): bits 21, 12). */
export async function hasPrivileges(): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return ((effective >> 21n) & 1n) === 1n && ((effective >> 12n) & 1n) === 1n;
}

/** Arguments of unshare(1). --kill-child: the kernel ends pid 1 when unshare itself is killed. */
export function unshareArguments(options: { readonly userNamespace: boolean }): readonly string[] {
  const user = options.userNamespace ? ["--user", "--map-root-user"] : [];
  return [...user, "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=SIGKILL"];
}

function sandboxEnd(text: string, code: number, signal: string): Error {
  const said = text.trim().split("\n").slice(-12).join("\n");
  const why = failures[code];
  if (why !== undefined || /^unshare: /m.test(said)) {
    return new EnvironmentLacks([`what a sandbox needs: ${why ?? "unshare failed"}; it said "${said}"`], {
      suggestion: "testbed doctor   says what this machine can do",
    });
  }
  return new OperatingError(
    `Run the lab: its agent ended with ${signal === "" ? `exit code ${code}` : signal}, expected it to stay; it said "${said}"`,
  );
}

/** The sandbox's first process as the host sees it, from what the reaper handed down (PID:START). */
export function sandboxProcess(): HostProcess {
  const [pid, startTicks] = (process.env["TESTBED_SANDBOX"] ?? "").split(":").map(Number);
  if (pid === undefined || startTicks === undefined || !Number.isInteger(pid) || !Number.isInteger(startTicks)) {
    throw new OperatingError(
      "Start the agent: TESTBED_SANDBOX is not there, expected to be started by the reaper of a sandbox",
    );
  }
  return { pid, startTicks };
}
