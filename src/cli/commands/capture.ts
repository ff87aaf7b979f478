// testbed capture ENDPOINT: frames at a node's interface, by tcpdump in the node, with the kernel's timestamps.
import { open } from "node:fs/promises";
import { programs, type RunningLab } from "../../lab/index.js";
import { EnvironmentLacks, hasCode, UserError } from "../../system/index.js";
import { countFrom } from "../count.js";
import { examples } from "../examples.js";
import { runInside } from "../inside.js";
import { labOption, theLab } from "../labs.js";
import type { Context, Register } from "../program.js";

/** sh's, when there is no such command, and ours below, when it cannot work here. */
const notFound = 127;
const notAllowed = 126;

/**
 * Debian's tcpdump becomes the user tcpdump, or the one that -Z names, before it captures; the namespace of an ordinary user's
 * lab has no user but its root and forbids groups, so that there it must be kept from trying. The text is constant; our program and
 * tcpdump's arguments come as arguments.
 */
const asItCan = `
node=$1 stay_root=$2
shift 2
command -v tcpdump >/dev/null || exit 127
if [ "$(cat /proc/self/setgroups 2>/dev/null)" = deny ]; then exec "$node" "$stay_root" tcpdump "$@"; fi
exec tcpdump -Z root "$@"
`;

export const registerCapture: Register = (program, context) => {
  program
    .command("capture")
    .description(
      "show or write the frames at an interface until Ctrl-C; pcap with the kernel's timestamps, in nanoseconds",
    )
    .argument("<endpoint>", "orderer1:eth1; also NODE:lo, and NODE:any for all of a node's interfaces")
    .argument("[filter...]", "tcpdump's filter language, after --")
    .option("-w, --write <file>", "write pcap to a file, - for stdout, in place of lines of text")
    .option("-c, --count <frames>", "end after so many frames")
    .addOption(labOption())
    .addHelpText(
      "after",
      examples(
        "testbed capture orderer1:eth1 -- tcp port 7050",
        "testbed capture orderer1:eth1 -w - | wireshark -k -i -",
        "testbed capture r1:eth1 -w ospf.pcap -c 20 -- proto ospf",
      ),
    )
    .action(async (endpoint, filter, { write, count, lab: name }) => {
      await using lab = await theLab(name);
      const place = await placeOf(lab, endpoint);
      const frames = count === undefined ? [] : ["-c", String(countFrom(count, "count", 1))];
      const command = [
        "sh",
        "-c",
        asItCan,
        "sh",
        process.execPath,
        programs.stayRoot,
        ...tcpdumpFlags(place.interface, write !== undefined),
        ...frames,
        "--",
        ...filter,
      ];
      process.exitCode = await captureTo(write, lab, { node: place.node, command }, context);
    });
};

/**
 * --immediate-mode: frames come when they come, not when a buffer is full. Timestamps are those of the kernel at reception, which
 * is tcpdump's default (`-j host`), written out.
 */
function tcpdumpFlags(name: string, pcap: boolean): readonly string[] {
  const common = ["-i", name, "-n", "--immediate-mode", "-j", "host", "--time-stamp-precision=nano"];
  return pcap ? [...common, "-U", "-w", "-"] : [...common, "-l", "-tttt"];
}

interface Place {
  readonly node: string;
  readonly interface: string;
}

async function placeOf(lab: RunningLab, endpoint: string): Promise<Place> {
  const [node = "", name = ""] = endpoint.split(":");
  const { plan } = await lab.plan();
  const found = plan.nodes.find((each) => each.name === node && each.kind !== "switch");
  const names = [...(found?.interfaces ?? []).map((each) => each.name), "lo", "any"];
  if (found !== undefined && names.includes(name)) return { node, interface: name };
  const all = plan.nodes.flatMap((each) => each.interfaces.map((own) => `${each.name}:${own.name}`));
  throw new UserError(`Cannot capture at "${endpoint}": there is no such interface in lab "${lab.name}"`, {
    suggestion:
      found === undefined
        ? `interfaces: ${all.slice(0, 20).join(", ")}`
        : `interfaces of ${node}: ${names.map((own) => `${node}:${own}`).join(", ")}`,
  });
}

async function captureTo(
  write: string | undefined,
  lab: RunningLab,
  { node, command }: { readonly node: string; readonly command: readonly string[] },
  { interrupt }: Context,
): Promise<number> {
  await using file = write === undefined || write === "-" ? undefined : await opened(write);
  const stdout = file === undefined ? ("inherit" as const) : file.fd;
  const stdio = ["ignore", stdout, "inherit"] as const;
  // In a container tcpdump does not notice that its reader has left.
  const code = await runInside(lab, node, command, { interrupt, stdio: [...stdio], leftovers: "end" });
  if (code === notAllowed) {
    throw new EnvironmentLacks(
      ["a filter of system calls (seccomp), without which tcpdump cannot capture in an ordinary user's lab"],
      { suggestion: "capture in a lab of root, or in one of --runtime docker" },
    );
  }
  if (code !== notFound) return code;
  throw new EnvironmentLacks(["package tcpdump, which captures"], {
    suggestion: "sudo apt-get install --yes --no-install-recommends tcpdump",
  });
}

async function opened(path: string): ReturnType<typeof open> {
  try {
    return await open(path, "w");
  } catch (cause) {
    if (!hasCode(cause, "ENOENT", "ENOTDIR", "EACCES", "EISDIR", "EROFS", "ENOSPC")) throw cause;
    throw new UserError(`Cannot write frames to "${path}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      suggestion: "name a file in a folder that is there and yours",
    });
  }
}
