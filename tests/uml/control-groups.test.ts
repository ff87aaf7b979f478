// Limits of nodes under version 2 of the kernel's control groups, in a kernel that has nothing else: this machine may have its
// controllers in version 1, where tests/netns/lab-limits.test.ts is. A whole lab cannot live there: that kernel lacks nftables' netdev family.
import { join } from "node:path";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { runInUserModeLinux } from "./user-mode-linux.js";

/** Busy for ten seconds of the wall's, then says how many microseconds of a processor it had. */
const busy = `const start = performance.now(); const before = process.cpuUsage(); while (performance.now() - start < 10000);
  const { user, system } = process.cpuUsage(before); console.log(user + system)`;

const topology = `format: 1
name: limited
nodes:
  slow: { kind: host, command: [node, -e, ${JSON.stringify(busy)}], cpu: 0.2 }
  small: { kind: host, command: [sh, -c, "head -c 200m /dev/zero | tail | wc -c"], memory: 32MiB }
  both: { kind: host, command: [echo, done], cpu: 1.5, memory: 64MiB }
  free: { kind: host, command: [sh, -c, "head -c 200m /dev/zero | tail | wc -c"] }
`;

interface Told {
  readonly lack: string;
  readonly said: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, readonly string[]>>;
  readonly left: readonly string[];
}

describe("control groups, version 2", () => {
  let told: Told;

  beforeAll(async () => {
    const bundled = await build({
      entryPoints: [join(import.meta.dirname, "limits-driver.ts")],
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["koffi"],
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      write: false,
    });
    const script = "mount -t cgroup2 cgroup2 /sys/fs/cgroup\nnode driver.mjs topology.yaml >out/told\n";
    const files = { "driver.mjs": bundled.outputFiles[0]?.text ?? "", "topology.yaml": topology };
    const read = await runInUserModeLinux({ script, files, modules: [], timeoutMs: 120_000 });
    told = JSON.parse(await read("told")) as Told;
  }, 150_000);

  it("has a group for each node with limits, with what the topology says", () => {
    expect(told.lack).toBe("");
    expect(told.settings).toEqual({
      slow: ["20000 100000", "max"],
      small: ["max 100000", String(32 * 1024 * 1024)],
      both: ["150000 100000", String(64 * 1024 * 1024)],
    });
  });

  it("gives a node no more of the processors than that", () => {
    const used = Number(told.said["slow"]);
    // 0.2 of ten seconds, and one period of 100 ms that had begun.
    expect(used).toBeLessThan(2_100_000);
    expect(used).toBeGreaterThan(1_000_000);
  });

  it("gives a node no more memory than that", () => {
    expect(told.said["small"]).not.toContain("209715200");
    expect(told.said["free"]).toContain("209715200");
  });

  it("leaves no group", () => {
    expect(told.left).toEqual([]);
  });
});
