// What this machine can do, for `testbed doctor`: each capability tried for real, in throw-away namespaces where it changes
// anything, with what is lost without it. Nothing is installed and nothing stays.
import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { tryCommand, type CommandResult } from "../../system/index.js";
import { engineFitness } from "../docker/entrance.js";
import { limitsLack } from "../netns/limits.js";
import { hasPrivileges, unshareArguments } from "../netns/sandbox.js";
import { findProgram, missingPackages } from "./packages.js";

export interface Capability {
  readonly name: string;
  readonly present: boolean;
  /** What was found, or what said no. */
  readonly detail: string;
  /** What the testbed cannot do without it. */
  readonly lost: string;
}

interface Waits {
  readonly signal: AbortSignal;
}

const probeMsMax = 20_000;

/** Every capability, in order of how much hangs on it. Takes about a second. */
export async function examineMachine(): Promise<readonly Capability[]> {
  const signal = AbortSignal.timeout(probeMsMax);
  const privileged = await hasPrivileges();
  const sandbox = unshareArguments({ userNamespace: !privileged });
  const inside = (command: string, args: readonly string[], input?: string): Promise<CommandResult> =>
    tryCommand("unshare", [...sandbox, "--", command, ...args], { signal, ...(input === undefined ? {} : { input }) });
  return [
    await packages(),
    privilegesOf(privileged),
    await userNamespaces({ signal }),
    tried("sch_netem", await inside("tc", ["qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]), {
      good: `kernel ${release()}`,
      lost: "delay, jitter and loss on links: topologies that ask for them are refused",
    }),
    tried("sch_tbf", await inside("tc", tbfLine.split(" ")), {
      good: `kernel ${release()}`,
      lost: "rate on links: topologies that ask for it are refused",
    }),
    tried("nftables netdev hooks", await inside("nft", ["-f", "-"], netdevTable), {
      good: "ingress and egress",
      lost: "faults of kind blackhole and one-way",
    }),
    await frr({ signal }),
    await docker(),
    await cgroups(),
    await pressure(),
    await userModeLinux(),
  ];
}

const tbfLine = "qdisc add dev lo root tbf rate 1mbit burst 10kb latency 50ms";
const netdevTable = `table netdev probe {
  chain in { type filter hook ingress device "lo" priority 0; drop; }
  chain out { type filter hook egress device "lo" priority 0; drop; }
}
`;

function tried(
  name: string,
  result: CommandResult,
  texts: { readonly good: string; readonly lost: string },
): Capability {
  const present = result.exitCode === 0;
  const said = result.stderr.trim().split("\n").join("; ");
  return { name, present, detail: present ? texts.good : said || `exit code ${result.exitCode}`, lost: texts.lost };
}

async function packages(): Promise<Capability> {
  const missing = missingPackages();
  const detail = missing.length === 0 ? "all there" : `missing: ${missing.join(", ")}`;
  return {
    name: "Debian packages",
    present: missing.length === 0,
    detail,
    lost: "running a lab; scripts/setup installs them",
  };
}

function privilegesOf(present: boolean): Capability {
  const detail = present ? "CAP_SYS_ADMIN and CAP_NET_ADMIN" : "an ordinary user";
  return { name: "namespaces as root", present, detail, lost: "nothing where user namespaces work: labs run in those" };
}

/** Ubuntu 23.10 and newer may let a user create the namespaces and then deny what is needed inside: so a link is made. */
async function userNamespaces({ signal }: Waits): Promise<Capability> {
  const link = ["ip", "link", "add", "name", "probe0", "type", "veth", "peer", "name", "probe1"];
  const result = await tryCommand("unshare", [...unshareArguments({ userNamespace: true }), "--", ...link], { signal });
  const capability = tried("user namespaces with a link inside", result, {
    good: "created, and a link in them",
    lost: "labs without root",
  });
  if (capability.present) return capability;
  const settings = await Promise.all(
    [
      "kernel/unprivileged_userns_clone",
      "kernel/apparmor_restrict_unprivileged_userns",
      "user/max_user_namespaces",
    ].map(async (name) => `${name}=${(await textOf(`/proc/sys/${name}`)) ?? "absent"}`),
  );
  return { ...capability, detail: `${capability.detail} (${settings.join(", ")})` };
}

async function frr({ signal }: Waits): Promise<Capability> {
  const base = { name: "FRR daemons", lost: "routing, hence every lab with a link" };
  const daemons = ["zebra", "ospfd", "bfdd", "staticd"];
  const missing: string[] = [];
  for (const name of daemons) if (findProgram(`/usr/lib/frr/${name}`) === undefined) missing.push(name);
  if (missing.length > 0) return { ...base, present: false, detail: `not in /usr/lib/frr: ${missing.join(", ")}` };
  const { stdout } = await tryCommand("/usr/lib/frr/zebra", ["--version"], { signal });
  return { ...base, present: true, detail: `${stdout.split("\n")[0] ?? ""}, with ${daemons.join(", ")}` };
}

/** A client without an engine is of no use: the engine itself is asked, and whether labs can be had on it. */
async function docker(): Promise<Capability> {
  const { fit, why } = await engineFitness();
  return { name: "Docker Engine", present: fit, detail: why, lost: "the docker runtime; netns needs none" };
}

async function cgroups(): Promise<Capability> {
  const version = (await textOf("/sys/fs/cgroup/cgroup.controllers")) === undefined ? 1 : 2;
  const why = await limitsLack();
  return {
    name: "control groups",
    present: why === "",
    detail: why === "" ? `version ${version}` : why,
    lost: "limits of processor and memory for a node in runtime netns",
  };
}

async function pressure(): Promise<Capability> {
  const text = await textOf("/proc/pressure/cpu");
  const base = { name: "pressure stall information", lost: "the measure of how busy the machine was; load stands in" };
  return { ...base, present: text !== undefined, detail: text?.split("\n")[0] ?? "no /proc/pressure/cpu" };
}

async function userModeLinux(): Promise<Capability> {
  const path = findProgram("linux.uml");
  const base = {
    name: "user-mode-linux",
    lost: "sch_netem on a kernel that lacks it: the tests that measure delay and loss",
  };
  return { ...base, present: path !== undefined, detail: path ?? "no linux.uml; Debian package user-mode-linux" };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return undefined; // absent, or switched off (pressure answers EOPNOTSUPP): both mean that it is not there to use
  }
}
