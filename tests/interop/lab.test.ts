// A lab in which one orderer is the Go library SmartBFT: up, loaded, its leader cut off, down; and what a user without Go
// is told. orderer2 leads after the first one's failure, so the view that ends the outage is led by the library.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Event } from "../../src/boundary/index.js";
import { eventFromLine } from "../../src/boundary/index.js";
import { CliBench, root, shortExperiment, type Ended } from "../netns/cli-bench.js";
import { withGo } from "../netns/with-go.js";

const bench = new CliBench();
/** Profile `fast` mistakes a processor that is busy elsewhere for a dead leader. */
const patient =
  "protocol: { RequestForwardTimeout: 1s, RequestComplainTimeout: 3s, ViewChangeTimeout: 15s, LeaderHeartbeatTimeout: 15s }";
const mixed = join(root, "topologies", "bft4-mixed.yaml");
let ran: Ended;
let events: readonly Event[];

withGo(() => {
  beforeAll(async () => {
    const fault = "{ at: 1s, fault: interface-down, how: admin, target: leader, for: 8s }";
    bench.write("mixed.yaml", readFileSync(mixed, "utf8"));
    bench.write(
      "short.yaml",
      shortExperiment("mixed.yaml", fault).replace("duration: 4s", `duration: 12s\n${patient}`),
    );
    ran = await bench.run("run short.yaml --output results --seed s");
    if (ran.code !== 0 && ran.code !== 1) throw new Error(ran.stderr);
    const text = readFileSync(join(bench.folder, "results", "run-01", "events.ndjson"), "utf8");
    events = text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const read = eventFromLine(line);
        if (read.kind === "unreadable") throw new Error(read.reason);
        return read.event;
      });
  }, 240_000);
  afterAll(() => bench.dispose());

  const row = (): Readonly<Record<string, string>> => {
    const [header = [], cells = []] = readFileSync(join(bench.folder, "results", "runs.csv"), "utf8")
      .split("\n")
      .map((line) => line.split(","));
    return Object.fromEntries(header.map((column, index) => [column, cells[index] ?? ""]));
  };

  test("the results are whole: one view change, every phase known, nothing lost", () => {
    expect(ran.stderr).toContain("results in results");
    expect(row()).toMatchObject({ view_changes: "1", view_from: "0", view_to: "1", lost: "0", process_deaths: "0" });
    const phases = ["outage", "detection", "view_change", "first_decision", "first_commit", "residual"];
    expect(phases.filter((phase) => row()[`${phase}_ms`] === "")).toEqual([]);
    expect(bench.leftovers()).toEqual([]);
  });

  test("the library leads the view that ends the outage, and tells its steps as ours do", () => {
    const steps = events.flatMap((event) => (event.kind === "step" && event.node === "orderer2" ? [event.step] : []));
    expect(steps).toEqual(
      expect.arrayContaining(
        [
          // Whether it complains itself, or joins the two others, is a matter of whose timer is first.
          "started restored viewStarting role viewChangeStarted viewChangeJoined viewDataSent viewDataAccepted".split(
            " ",
          ),
          "viewDataQuorum newViewSent newViewAccepted viewInstalled proposing prePrepared prepared deciding delivered".split(
            " ",
          ),
        ].flat(),
      ),
    );
    const led = events.filter(
      (event) => event.kind === "step" && event.node === "orderer2" && event.step === "proposing",
    );
    expect(led.length).toBeGreaterThan(0);
  });

  test("its blocks, messages, streams and sockets are told as ours are", () => {
    const own = events.filter((event) => event.node === "orderer2");
    const kinds = ["block", "message", "stream", "socket", "process"] as const;
    expect(kinds.filter((kind) => !own.some((event) => event.kind === kind))).toEqual([]);
    const hashes = new Map<number, Set<string>>();
    for (const event of events) {
      if (event.kind !== "block") continue;
      hashes.set(event.number, (hashes.get(event.number) ?? new Set()).add(event.hash));
    }
    expect(hashes.size).toBeGreaterThan(10);
    expect([...hashes.values()].every((each) => each.size === 1)).toBe(true);
  });

  test("where Go is absent, up says so with exit code 3 and creates nothing", async () => {
    // A copy of the program without what was built of interop/, and a go in front of the path that is none.
    const copy = join(bench.folder, "installed");
    for (const folder of ["interop", "images", "bin"])
      cpSync(join(root, folder), join(copy, folder), { recursive: true });
    cpSync(join(root, "package.json"), join(copy, "package.json"));
    mkdirSync(join(copy, "dist"));
    for (const name of readdirSync(join(root, "dist")).filter((each) => /\.[cm]js(?:\.code)?$/.test(each)))
      cpSync(join(root, "dist", name), join(copy, "dist", name));
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const tools = join(bench.folder, "tools");
    mkdirSync(tools);
    writeFileSync(join(tools, "go"), "#!/bin/sh\nexit 127\n");
    chmodSync(join(tools, "go"), 0o755);
    const { exitCode, stderr } = await execa(join(copy, "bin", "testbed"), ["up", mixed, "--runtime", "netns"], {
      cwd: bench.folder,
      env: { TESTBED_STATE: bench.state, PATH: `${tools}:${process.env["PATH"] ?? ""}` },
      reject: false,
    });
    expect(stderr).toContain(
      "This machine lacks a Go that answers `go version`, to build the orderers that are smartbft-go",
    );
    expect(stderr).toContain(
      "install Go 1.26 or newer (go.dev/dl), or write `implementation: testbed`; see docs/interop.md",
    );
    expect(exitCode).toBe(3);
    expect(bench.leftovers()).toEqual([]);
    expect(existsSync(join(bench.state, "programs"))).toBe(false);
  });
});
