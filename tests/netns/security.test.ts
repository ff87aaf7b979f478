// What docs/threat-model.md says, tried: who may speak to a lab, what it listens on, what its processes may do, and how far the
// command of a stranger's topology gets.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { CliBench, program, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const inLab = (...path: readonly string[]): string => join(bench.state, "labs", ...path);

beforeAll(() => {
  bench.write("star.yaml", starTopology("star", 4));
});
afterEach(() => bench.clear());
afterAll(() => bench.dispose());

describe("control sockets", () => {
  const sockets = (): readonly string[] => {
    const nodes = readdirSync(inLab("star", "nodes")).map((node) => inLab("star", "nodes", node, "control.sock"));
    return [inLab("star", "control.sock"), ...nodes.filter((path) => existsSync(path))];
  };

  test("are their owner's alone, in folders that are their owner's alone", async () => {
    await bench.good("up star.yaml");
    expect(sockets()).toHaveLength(7);
    expect(sockets().map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(Array(7).fill("600"));
    for (const path of [bench.state, inLab(), inLab("star")])
      expect((statSync(path).mode & 0o077).toString(8)).toBe("0");
    await bench.good("down");
  });

  test("refuse another user, even one who finds the way to them", async ({ skip }) => {
    skip(!isRoot, "needs root, to become another user");
    await bench.good("up star.yaml");
    const connect = (path: string): string => {
      const ask =
        'require("net").connect(process.argv[1]).on("connect", () => console.log("connected")).on("error", (e) => console.log(e.code)).on("connect", () => process.exit())';
      const words = ["--reuid=61235", "--regid=61235", "--clear-groups", process.execPath, "-e", ask, path];
      return execFileSync("setpriv", words, { encoding: "utf8", cwd: "/" }).trim();
    };
    for (const path of sockets()) expect([path, connect(path)]).toEqual([path, "EACCES"]);
    // The folders opened: what is left is the socket's own mode.
    for (const path of [bench.state, inLab(), inLab("star"), inLab("star", "nodes")]) chmodSync(path, 0o755);
    for (const path of sockets()) chmodSync(join(path, ".."), 0o755);
    for (const path of sockets()) expect([path, connect(path)]).toEqual([path, "EACCES"]);
    for (const path of [inLab("star"), inLab(), bench.state]) chmodSync(path, 0o700);
    await bench.good("down");
  });
});

test("a lab listens on nothing in the network it was started from", async () => {
  // A network of the test's own in the place of the machine's, so that nobody else's sockets are in it.
  const script =
    'ss -Hlnptuwx >before; "$1" up star.yaml; ss -Hlntuw >ports; ss -Hlnx | grep -o "@.*" >abstract || true; "$1" down';
  const place = ["--net", ...(isRoot ? [] : ["--user", "--map-root-user"])];
  const environment = { ...process.env, TESTBED_STATE: bench.state };
  execFileSync("unshare", [...place, "sh", "-ec", script, "sh", program], {
    cwd: bench.folder,
    env: environment,
    stdio: "pipe",
  });
  expect(readFileSync(join(bench.folder, "before"), "utf8")).not.toMatch(/^(tcp|udp|raw)/m);
  expect(readFileSync(join(bench.folder, "ports"), "utf8")).toBe("");
  expect(readFileSync(join(bench.folder, "abstract"), "utf8")).toBe("");
});

describe("capabilities", () => {
  /** By name of the program, what its processes may do (CapEff, CapBnd), as capsh(1) has it. */
  function capabilities(): ReadonlyMap<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>();
    const sandbox = (JSON.parse(readFileSync(inLab("star", "lab.json"), "utf8")) as { owner: { pid: number } }).owner
      .pid;
    const network = execFileSync("readlink", [`/proc/${sandbox}/ns/pid`], { encoding: "utf8" });
    for (const pid of bench.everyProcess()) {
      const ns = spawnSync("readlink", [`/proc/${pid}/ns/pid`], { encoding: "utf8" }).stdout;
      if (ns !== network) continue;
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const name =
        words
          .map((word) => word.split("/").at(-1) ?? "")
          .find((word) => /^(agent|node)\.mjs$|^(zebra|staticd|start)$/.test(word)) ??
        words[0] ??
        "";
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const may = ["CapEff", "CapBnd", "NoNewPrivs"].map(
        (key) => new RegExp(`^${key}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "",
      );
      found.set(name, (found.get(name) ?? new Set()).add(may.join(" ")));
    }
    return found;
  }

  const bits = {
    net_bind_service: 10,
    net_broadcast: 11,
    net_admin: 12,
    net_raw: 13,
    sys_chroot: 18,
    sys_admin: 21,
    sys_nice: 23,
    setpcap: 8,
  };
  const mask = (...names: readonly (keyof typeof bits)[]): string =>
    names
      .reduce((sum, name) => sum | (1n << BigInt(bits[name])), 0n)
      .toString(16)
      .padStart(16, "0");
  const sandbox = mask(
    "setpcap",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "sys_chroot",
    "sys_admin",
    "sys_nice",
  );
  const none = mask();

  test("of the agent are those it needs, of orderers, peers and clients none, of FRR its own", async () => {
    await bench.good("up star.yaml");
    const found = capabilities();
    expect([...(found.get("agent.mjs") ?? [])]).toEqual([`${sandbox} ${sandbox} 0`]);
    expect([...(found.get("node.mjs") ?? [])]).toEqual([`${none} ${none} 1`]);
    expect([...(found.get("zebra") ?? [])].map((may) => may.split(" ")[1])).toEqual([sandbox]);
    for (const [name, sets] of found) {
      for (const may of sets) {
        const [effective = "", bounding = ""] = may.split(" ");
        expect([
          name,
          BigInt(`0x${effective}`) & ~BigInt(`0x${sandbox}`),
          BigInt(`0x${bounding}`) & ~BigInt(`0x${sandbox}`),
        ]).toEqual([name, 0n, 0n]);
      }
    }
    await bench.good("down");
  });
});

describe("a stranger's topology", () => {
  const hostWith = (command: readonly string[]): string =>
    `format: 1\nname: stranger\nnodes:\n  host1: { kind: host, command: ${JSON.stringify(command)} }\n  r1: { kind: router }\nlinks:\n  - endpoints: ["host1:eth1", "r1:eth1"]\n`;
  const printed = (): string => readFileSync(inLab("stranger", "nodes", "host1", "service.log"), "utf8");

  async function untilPrinted(text: string): Promise<void> {
    const look = (): Look<true> => (printed().includes(text) ? there(true) : waiting(printed()));
    await until(look, { timeoutMs: 20_000, everyMs: 50, signal, what: `the host to print "${text}"` });
  }

  test("gives its command's words to the program as they are", async () => {
    const odd = ["$(touch /tmp/pwned)", "; touch /tmp/pwned", "`id`", "a  b", "*", "-rf", "\"'\\", "ü\u001b[2J"];
    bench.write(
      "odd.yaml",
      hostWith(["sh", "-c", 'printf "<%s>\\n" "$@"; echo end; exec sleep infinity', "sh", ...odd]),
    );
    await bench.good("up odd.yaml");
    await untilPrinted("end\n");
    expect(printed()).toBe(`${odd.map((word) => `<${word}>`).join("\n")}\nend\n`);
    await bench.good("down");
  });

  test("does not get out of its node: no file of others, no process, no device, no privilege, no socket", async () => {
    const secret = join(bench.folder, "of-the-user");
    writeFileSync(secret, "mine", { mode: 0o666 });
    // Each line tries one way out and says how it went.
    const tries = [
      `cat "${secret}"`,
      "echo x >/etc/testbed-was-here",
      "echo x >/usr/testbed-was-here",
      "echo x >/var/tmp/testbed-was-here",
      "echo 1 >/proc/sys/kernel/sysrq",
      "echo x >/proc/sysrq-trigger",
      "echo x >/sys/kernel/uevent_helper",
      "mount -t tmpfs tmpfs /mnt",
      "mount -o remount,bind,rw /usr",
      "mount -o remount,bind,rw /",
      "unshare --mount --map-root-user sh -c 'mount -o remount,bind,rw / && echo x >/etc/testbed-was-here'",
      "ip link set dev eth1 down",
      "ls /run/frr/zebra.vty",
      "ls /dev | grep -E 'sd|vd|nvme|mem|loop'",
      "ls /run/netns/r1",
      `ls "${bench.state}/labs/stranger/control.sock"`,
      "mknod node b 8 0 && head -c 1 node",
      "chroot / true",
      "find /root /home -mindepth 1 | grep .",
    ];
    const script = `${tries.map((line) => `( ${line} ) >out 2>/dev/null </dev/null && echo "WENT $(cat out): ${line.replaceAll(/["$`\\]/g, "_")}"`).join("\n")}\necho x >"${secret}"\necho mine >own && echo "own folder: $(cat own)"\nprintf 'processes:'; for p in /proc/[0-9]*; do printf ' %s' "$(cat $p/comm)"; done; echo\ngrep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status\necho end\nexec sleep infinity`;
    bench.write("out.yaml", hostWith(["sh", "-c", script]));
    const before = ["/etc", "/usr", "/var/tmp"].map((folder) => readdirSync(folder));
    await bench.good("up out.yaml");
    await untilPrinted("end\n");
    const went = printed()
      .split("\n")
      .filter((line) => line.startsWith("WENT"));
    // Reading the machine's files is not one of the things that are prevented: home folders, /tmp and /run are hidden.
    expect(went).toEqual([]);
    expect(printed()).toContain("own folder: mine\n");
    expect(printed()).toMatch(/^processes:( (sh|cat))+$/m);
    expect(printed()).toMatch(/^CapEff:\s+0000000000002400$/m);
    expect(printed()).toMatch(/^CapBnd:\s+0000000000002400$/m);
    expect(printed()).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(readFileSync(secret, "utf8")).toBe("mine");
    expect(["/etc", "/usr", "/var/tmp"].map((folder) => readdirSync(folder))).toEqual(before);
    // The lab around it lives; and as a part of its node it ends with it.
    const status = JSON.parse(await bench.good("status -f json")) as { nodes: readonly { state: string }[] };
    expect(status.nodes.map(({ state }) => state)).toEqual(["running", "running"]);
    const commands = (): readonly string[] =>
      bench.processes().map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim());
    expect(commands()).toContain("sleep infinity");
    await bench.good("fault node-stop host1");
    expect(commands()).not.toContain("sleep infinity");
    await bench.good("down");
  });

  test("may name no file without an end, no pipe and no folder as an experiment's topology", async () => {
    const experiment = (topology: string): string =>
      `format: 1\nname: strange\ntopology: ${topology}\nworkload: { rate: 50/s, size: 200B }\ntimeline: []\nduration: 2s\n`;
    execFileSync("mkfifo", [join(bench.folder, "pipe")]);
    for (const [topology, why] of [
      ["../../dev/zero", "it is no regular file"],
      ["pipe", "it is no regular file"],
      [".", "it is a folder"],
      ["nowhere.yaml", "there is no such file"],
    ] as const) {
      bench.write("strange.yaml", experiment(topology));
      const { code, stderr } = await bench.run("run strange.yaml");
      expect(stderr).toContain(`: ${why}\n`);
      expect(code).toBe(2);
    }
    writeFileSync(join(bench.folder, "large.yaml"), Buffer.alloc(5 * 1024 * 1024, "#"));
    bench.write("strange.yaml", experiment("large.yaml"));
    expect((await bench.run("run strange.yaml")).stderr).toContain(": it is larger than 4 MiB\n");
    expect((await bench.run("validate /dev/zero")).stderr).toContain(": it is larger than 4 MiB\n");
  });
});

test("hostile words on the command line are refused, and the lab is as it was", async () => {
  await bench.good("up star.yaml");
  for (const line of [
    "up star.yaml --name ../../x",
    "up star.yaml --name $(id)",
    "down --lab ../../etc",
    "status --lab ;reboot",
    "run --resume ../star",
    "logs ../../../../etc",
    "logs $(id)",
    "exec ../r1 -- id",
    "exec -n/etc/passwd -- id",
    "fault interface-down $(id):eth1",
    "fault interface-down orderer1:eth1;reboot",
    "fault heal 1;reboot",
  ]) {
    const { code, stdout, stderr } = await bench.run(line);
    expect({ line, code, stdout }).toEqual({ line, code: 2, stdout: "" });
    expect(stderr).not.toContain("defect");
  }
  expect(await bench.rows("labs")).toMatchObject([{ lab: "star", state: "running" }]);
  expect(await bench.rows("fault list")).toEqual([]);
  await bench.good("down");
});
