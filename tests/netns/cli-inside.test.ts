// Commands inside a node: what a signal ends, and that nothing of them is left; frames captured with the kernel's time; events
// as they come. Looks for what is left do not go through the program that is tested.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { CliBench, program } from "./cli-bench.js";

const bench = new CliBench();
const { signal } = new AbortController();

beforeAll(async () => {
  bench.write(
    "two.yaml",
    `format: 1
name: two
profile: fast
routing: { protocol: ospf, hello: 1s, dead: 4s }
nodes: { r1: { kind: router }, r2: { kind: router } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"] }]
`,
  );
  await bench.good("up two.yaml");
});
afterAll(() => bench.dispose());

/** Processes of this machine with this word on their command line, whoever started them. */
function running(word: string): readonly number[] {
  return bench.everyProcess().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false; // it has gone
    }
  });
}

async function untilRuns(word: string, count: (running: number) => boolean, what: string): Promise<void> {
  const look = (): Look<true> => {
    const pids = running(word);
    return count(pids.length) ? there(true) : waiting(`processes ${pids.join(", ")}`);
  };
  await until(look, { timeoutMs: 15_000, everyMs: 20, signal, what });
}
const untilThere = (word: string): Promise<void> => untilRuns(word, (count) => count > 0, `${word} to run`);
const untilGone = (word: string): Promise<void> => untilRuns(word, (count) => count === 0, `${word} to be gone`);

describe("a command in a node", () => {
  test.each([
    ["SIGINT", "81001", 130],
    ["SIGTERM", "81002", 143],
  ] as const)("%s to the command line ends it, and what it started", async (name, word, code) => {
    const command = bench.start(["exec", "r1", "--", "sh", "-c", `sleep ${word} & sleep ${word}`]);
    await untilThere(word);
    command.kill(name);
    expect((await command.ended()).code).toBe(code);
    await untilGone(word);
  });

  test("is ended when the command line is killed, though it does not listen", async () => {
    const script = 'trap "" INT TERM; while :; do sleep 81003; done';
    const command = bench.start(["exec", "r1", "--", "sh", "-c", script]);
    await untilThere("81003");
    command.kill("SIGKILL");
    await untilGone("81003");
    await untilGone(script);
  });

  test("may live through a SIGINT; a second one ends it", async () => {
    const script = 'trap "echo heard" INT; echo begun; while :; do sleep 0.05; done';
    const command = bench.start(["exec", "r1", "--", "sh", "-c", script]);
    await command.prints("begun");
    command.kill("SIGINT");
    await command.prints("heard");
    expect(running(script).length).toBeGreaterThan(0);
    command.kill("SIGINT");
    expect((await command.ended()).code).toBe(130);
    await untilGone(script);
  });

  describe("at a terminal", () => {
    /** The command line under script(1), which gives it a terminal of its own; what is written is typed there. */
    const typed = (...words: readonly string[]) =>
      execa("script", ["-q", "-e", "-c", ["exec", program, ...words].join(" "), "/dev/null"], {
        cwd: bench.folder,
        env: { TESTBED_STATE: bench.state },
        reject: false,
        stdin: "pipe",
      });

    test("Ctrl-C ends it", async () => {
      const command = typed("exec", "r1", "--", "sleep", "81005");
      await untilThere("81005");
      command.stdin.write("\x03");
      expect((await command).exitCode).toBe(130);
      await untilGone("81005");
    });

    test("it may live through Ctrl-C, as often as it likes", async () => {
      const script =
        "n=0; trap 'n=$((n+1)); echo heard $n.' INT; echo begun; while [ $n -lt 3 ]; do sleep 0.05; done; echo lived";
      const command = typed("exec", "r1", "--", "sh", join(bench.folder, bench.write("lives.sh", script)));
      let text = "";
      command.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      for (const said of ["begun", "heard 1.", "heard 2."]) {
        const look = (): Look<true> => (text.includes(said) ? there(true) : waiting(text));
        await until(look, { timeoutMs: 15_000, everyMs: 20, signal, what: `it to say "${said}"` });
        command.stdin.write("\x03");
      }
      expect([(await command).exitCode, text.includes("lived")]).toEqual([0, true]);
    });
  });

  test("that ends by itself leaves what it has put into the background, until down", async () => {
    const { code } = await bench
      .start(["exec", "r1", "--", "sh", "-c", "sleep 81004 >/dev/null 2>&1 & exit 7"])
      .ended();
    expect(code).toBe(7);
    expect(running("81004")).toHaveLength(1);
  });
});

interface Frame {
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  readonly bytes: Buffer;
}

/** Frames of a pcap with timestamps in nanoseconds (pcap-savefile(5)), written by a machine of this one's byte order. */
function framesOf(pcap: Buffer): readonly Frame[] {
  expect(pcap.readUInt32LE(0).toString(16)).toBe("a1b23c4d");
  const frames: Frame[] = [];
  for (let offset = 24; offset < pcap.length; ) {
    const [seconds, nanoseconds, length] = [0, 4, 8].map((place) => pcap.readUInt32LE(offset + place));
    const bytes = pcap.subarray(offset + 16, offset + 16 + (length ?? 0));
    expect(bytes.length).toBe(length);
    frames.push({ at: BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(nanoseconds ?? 0), bytes });
    offset += 16 + bytes.length;
  }
  return frames;
}

describe("capture", () => {
  const wall = (): bigint => BigInt(Date.now()) * 1_000_000n;

  test("writes pcap to a file, with the kernel's time in nanoseconds, as many frames as asked", async () => {
    const before = wall();
    const { code, stdout, stderr } = await bench.run("capture r1:eth1 -w ospf.pcap -c 4 -- proto 89");
    const after = wall() + 1_000_000n;
    expect([code, stdout], `${stderr}`).toEqual([0, ""]);
    const frames = framesOf(readFileSync(join(bench.folder, "ospf.pcap")));
    expect(frames).toHaveLength(4);
    for (const { at, bytes } of frames) {
      expect(at > before && at < after).toBe(true);
      expect(bytes[23]).toBe(89); // protocol of the IPv4 header behind Ethernet's 14 bytes
    }
    // Not all of them whole microseconds: a thousandth each by chance.
    expect(frames.some(({ at }) => at % 1_000n !== 0n)).toBe(true);
  });

  test("pipes pcap to who reads it, and ends when the reader leaves", async () => {
    const script =
      '"$0" capture r1:eth1 -w - -- not port 64121 | head -c 24 | od -A n -t x4 -N 4; echo "code ${PIPESTATUS[0]}"';
    const { stdout } = await execa("bash", ["-c", script, program], {
      cwd: bench.folder,
      env: { TESTBED_STATE: bench.state },
    });
    expect(stdout).toMatch(/^ a1b23c4d\ncode \d+$/);
    await untilGone("64121");
  });

  test("Ctrl-C ends it with the file whole and nothing left", async () => {
    const command = bench.start(["capture", "r1:eth1", "-w", "whole.pcap", "--", "not", "port", "64122"]);
    const path = join(bench.folder, "whole.pcap");
    await command.says("listening on eth1");
    const look = (): Look<true> => (statSync(path).size > 24 ? there(true) : waiting("no frame in the file"));
    await until(look, { timeoutMs: 15_000, everyMs: 20, signal, what: "a frame in the file" });
    command.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect(stderr).toMatch(/packets? captured/);
    expect(code).toBe(0);
    expect(framesOf(readFileSync(path)).length).toBeGreaterThan(0);
    expect(running("64122")).toEqual([]);
  });

  test("shows lines, and names the interfaces when there is no such one", async () => {
    const { code, stdout } = await bench.run("capture r2:any -c 1 -- proto 89");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} eth1.* OSPFv2/)]);
    expect(await bench.run("capture r1:eth7")).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'testbed: Cannot capture at "r1:eth7": there is no such interface in lab "two"\n  → interfaces of r1: r1:eth1, r1:lo, r1:any\n',
    });
    expect((await bench.run("capture r1:eth1 -w nowhere/x.pcap")).stderr).toContain(
      'Cannot write frames to "nowhere/x.pcap"',
    );
    expect((await bench.run("capture r1:eth1 -- tcp prot 5")).code).not.toBe(0);
  });
});

describe("events and link", () => {
  test("a change by hand is followed from another shell, marked by link, and over when it is undone", async () => {
    const follower = bench.start(["events", "two", "--follow", "--kind", "observed", "-f", "json"]);
    await bench.good("exec r1 -- ip link set dev eth1 down");
    await follower.prints('"kind":"observed"');
    expect(JSON.parse(follower.stdout.split("\n")[0] ?? "")).toMatchObject({
      endpoint: "r1:eth1",
      how: "admin",
      state: "down",
    });
    const table = await bench.good("link r1:eth1 r2:eth1");
    expect(table).toMatch(/^r1:eth1 +admin +up +down +differs$/m);
    expect(table).toMatch(/^r2:eth1 +carrier +up +down +differs$/m);
    await bench.good("exec r1 -- ip link set dev eth1 up");
    await follower.prints('"state":"up"');
    expect(await bench.good("link r1 -f json")).not.toContain('"differs": true');
    const { code, stderr } = await bench.run("link r1 r7");
    expect([code, stderr]).toEqual([
      2,
      'testbed: There is no link between "r1" and "r7" in this lab\n  → links: r1:eth1 - r2:eth1\n',
    ]);
    follower.kill("SIGINT");
    expect((await follower.ended()).code).toBe(130);
  });

  test("without --follow events end with the last one; with it, when the lab goes", async () => {
    const table = await bench.good("events --kind phase environment");
    expect(table.split("\n")[0]).toMatch(/^ +seconds {2}node +kind +what$/);
    expect(table).toMatch(/^ +\d+\.\d{6} +phase +phase=ready$/m);
    expect((await bench.run("events --kind nonsense")).code).toBe(2);
    const follower = bench.start(["events", "--follow"]);
    await follower.prints("phase=ready");
    await bench.good("down");
    const { code, stderr } = await follower.ended();
    expect([code, stderr]).toEqual([0, "lab two is gone\n"]);
    await bench.untilNothingIsLeft();
    expect(running("81004")).toEqual([]);
  });
});
