// What must hold before anything is created: packages, our own built programs, the right to make namespaces with a link
// inside, and the kernel features that a plan asks for. Everything is tried in throw-away namespaces and leaves nothing.
import { access } from "node:fs/promises";
import type { Plan } from "../../plan/index.js";
import { type CommandResult, EnvironmentLacks, readTextIfThere, tryCommand } from "../../system/index.js";
import { checkRequirements } from "../links/requirements.js";
import { missingPackages } from "../probes/packages.js";
import { checkRoom } from "../probes/room.js";
import { programs } from "../programs.js";
import { checkSmartbftGo, hasSmartbftGo } from "../smartbft-go.js";
import { checkLimits } from "./limits.js";
import { hasPrivileges, unshareArguments } from "./sandbox.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** Rejects with EnvironmentLacks, which names what is missing and who asks for it. `link` is what comes of `tryLink`, where it was begun before. */
export async function checkMachine(
  plan: Plan,
  { link, signal }: Waits & { readonly link?: Promise<CommandResult> | undefined },
): Promise<void> {
  checkHosts(plan);
  await checkPackages();
  await checkRoom(plan);
  if (hasSmartbftGo(plan)) await checkSmartbftGo({ signal });
  await checkLimits(plan);
  const userNamespace = !(await hasPrivileges());
  await refuseWithoutLink(await (link ?? tryLink({ userNamespace, signal })), { userNamespace });
  await checkRequirements(plan, { inside: throwAway({ userNamespace }), signal });
}

/** A namespace is no container: what a host brings along in an image, or would put over the machine's own files, has no place here. */
function checkHosts(plan: Plan): void {
  const missing = plan.nodes.flatMap(({ name, host }) => [
    ...(host.image === ""
      ? []
      : [`containers for host ${name}, which has image ${host.image}: runtime netns has none`]),
    ...(Object.keys(host.files).length === 0
      ? []
      : [
          `a file system for host ${name}, which brings ${Object.keys(host.files).join(", ")}: in runtime netns it is the machine's`,
        ]),
  ]);
  if (missing.length > 0) throw new EnvironmentLacks(missing, { suggestion: "use --runtime docker, which has both" });
}

async function checkPackages(): Promise<void> {
  const missing = missingPackages();
  if (missing.length > 0) {
    throw new EnvironmentLacks(
      missing.map((name) => `package ${name}`),
      { suggestion: `sudo apt-get install --yes --no-install-recommends ${missing.join(" ")}` },
    );
  }
  for (const program of [programs.agent, programs.service]) {
    try {
      await access(program);
    } catch (cause) {
      throw new EnvironmentLacks([`the built program ${program}`], { suggestion: "run scripts/build", cause });
    }
  }
}

interface Privilege {
  readonly userNamespace: boolean;
}

/** Command that runs what follows in namespaces that are gone afterwards. */
const throwAway = (privilege: Privilege): readonly string[] => ["unshare", ...unshareArguments(privilege), "--"];

/** Ubuntu 23.10 and newer may let a user create the namespaces and then deny what is needed inside: so a link is made. */
export function tryLink({ userNamespace, signal }: Privilege & Waits): Promise<CommandResult> {
  const link = ["ip", "link", "add", "name", "probe0", "type", "veth", "peer", "name", "probe1"];
  const [command = "", ...args] = [...throwAway({ userNamespace }), ...link];
  return tryCommand(command, args, { signal });
}

async function refuseWithoutLink({ exitCode, stderr }: CommandResult, { userNamespace }: Privilege): Promise<void> {
  if (exitCode === 0) return;
  const said = `it said "${stderr.trim().split("\n")[0] ?? ""}"`;
  if (!userNamespace) {
    throw new EnvironmentLacks([`the right to make namespaces with a link inside, though privileged: ${said}`], {
      suggestion: "a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN without a seccomp filter; see: testbed doctor",
    });
  }
  const denials = await userNamespaceDenials();
  const why = denials.length === 0 ? "" : ` (${denials.join(", ")})`;
  throw new EnvironmentLacks([`the right to make a user namespace with a link inside${why}: ${said}`], {
    suggestion: `run it as root${denials.length === 0 ? "" : ", or let an administrator change that setting"}; see: testbed doctor`,
  });
}

/** Settings by which a machine denies user namespaces, each with the value that does. */
const denyingSettings = [
  ["user.max_user_namespaces", "0"],
  ["kernel.unprivileged_userns_clone", "0"],
  ["kernel.apparmor_restrict_unprivileged_userns", "1"],
] as const;

async function userNamespaceDenials(): Promise<readonly string[]> {
  const denials: string[] = [];
  for (const [name, value] of denyingSettings) {
    const text = await readTextIfThere(`/proc/sys/${name.replaceAll(".", "/")}`);
    if (text?.trim() === value) denials.push(`sysctl ${name} is ${value}`);
  }
  return denials;
}
