// The command line over files alone: no lab, no privileges. Each case is bin/testbed as a process, with what a user sees.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { execa } from "execa";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "bin", "testbed");
const folder = mkdtempSync("/tmp/testbed-cli-files-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function testbed(...words: readonly string[]): Promise<Ended> {
  const environment = { TESTBED_STATE: join(folder, "state") };
  const result = await execa(program, words, { cwd: root, env: environment, reject: false, stripFinalNewline: false });
  return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

const hint = "(testbed --help, testbed COMMAND --help)\n";

describe("validate", () => {
  it("says of each shipped file that it is good", async () => {
    const files = ["topologies", "experiments"].flatMap((kind) =>
      readdirSync(join(root, kind)).map((name) => `${kind}/${name}`),
    );
    const { code, stdout, stderr } = await testbed("validate", ...files);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: files.map((file) => `${file}: good\n`).join(""),
      stderr: "",
    });
  });

  it("shows every problem of every file, goes on behind one it cannot read, and exits with 2", async () => {
    const bad = join(folder, "bad.yaml");
    writeFileSync(
      bad,
      `format: 1
name: bad
nodes:
  r1: { kind: ruter }
  r2: { kind: router }
links:
  - { endpoints: ["r1:eth1", "r2:eth1"], delay: 50 }
`,
    );
    const { code, stdout, stderr } = await testbed("validate", "nowhere.yaml", bad, "topologies/bft4-ring.yaml");
    expect(stderr).toBe(`testbed: Cannot read a topology or an experiment from "nowhere.yaml": there is no such file
  → the shipped ones are in topologies/ and experiments/
${bad}:4:15: nodes.r1.kind: Cannot use "ruter": expected one of orderer, peer, client, router, switch, host; did you mean "router"?
${bad}:7:49: links[0].delay: Cannot use 50: expected a duration with a unit, like "50ms"
`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "topologies/bft4-ring.yaml: good\n" });
  });
});

describe("plan and schema", () => {
  it("a plan in JSON is what its published schema says", async () => {
    const { stdout: schema } = await testbed("schema", "plan");
    const validate = new Ajv({ strict: false }).compile(JSON.parse(schema) as object);
    for (const name of ["bft4-ring", "bft4-star-switch", "bft4-wan"]) {
      const { code, stdout } = await testbed("plan", `topologies/${name}.yaml`, "-f", "json");
      expect(code).toBe(0);
      const plan = JSON.parse(stdout) as Record<string, unknown>;
      expect(validate(plan), `${JSON.stringify(validate.errors)}`).toBe(true);
      // The schema refuses something, too.
      expect(validate({ ...plan, nodes: "none" })).toBe(false);
    }
  });

  it("a shipped topology and experiment are what their schemas say", async () => {
    const { parse } = await import("yaml");
    for (const [what, file] of [
      ["topology", "topologies/bft4-ring.yaml"],
      ["experiment", "experiments/leader-interface-down.yaml"],
    ] as const) {
      const { stdout } = await testbed("schema", what);
      const validate = new Ajv({ strict: false }).compile(JSON.parse(stdout) as object);
      const value = parse(readFileSync(join(root, file), "utf8")) as Record<string, unknown>;
      expect(validate(value), `${JSON.stringify(validate.errors)}`).toBe(true);
      expect(validate({ ...value, nmae: "x" })).toBe(false);
    }
  });

  it("a plan in text holds the lines that `up` carries out", async () => {
    const { code, stdout } = await testbed("plan", "topologies/bft4-ring.yaml", "--profile", "fabric");
    expect(code).toBe(0);
    expect(stdout).toMatch(/link add/);
    expect(stdout).toMatch(/router ospf/);
    expect(stdout).toContain("fabric");
  });

  it("a reader that leaves is no error", async () => {
    const script = '"$0" plan topologies/bft7-ring.yaml -f json | true; echo "code ${PIPESTATUS[0]}"';
    const { stdout, stderr } = await execa("bash", ["-c", script, program], {
      cwd: root,
      env: { TESTBED_STATE: join(folder, "state") },
    });
    expect(stderr).toBe("");
    expect(stdout).toBe("code 0");
  });
});

describe("a command line that cannot be understood exits with 2 and points to the help", () => {
  it.each([
    [["frobnicate"], `error: unknown command 'frobnicate'\n${hint}`],
    [["validat"], `error: unknown command 'validat'\n(Did you mean validate?)\n${hint}`],
    [["up", "--nmae", "x", "t.yaml"], `error: unknown option '--nmae'\n(Did you mean --name?)\n${hint}`],
    [["up"], `error: missing required argument 'topology'\n${hint}`],
    [
      ["status", "-f", "xml"],
      `error: option '-f, --format <format>' argument 'xml' is invalid. Allowed choices are table, json, csv.\n${hint}`,
    ],
    [
      ["schema", "results"],
      `error: command-argument value 'results' is invalid for argument 'what'. Allowed choices are topology, experiment, plan.\n${hint}`,
    ],
    [
      ["fault", "interface-down", "leader", "--how", "gently"],
      `error: option '--how <how>' argument 'gently' is invalid. Allowed choices are admin, carrier, blackhole, one-way.\n${hint}`,
    ],
    [
      ["run"],
      "testbed: Cannot run that: expected an experiment file, or --resume LAB\n  → the shipped experiments are in experiments/; testbed labs lists labs\n",
    ],
    [
      ["run", "--resume", "x", "--repeat", "3"],
      "testbed: Cannot use other options with --resume: the run keeps those it began with\n",
    ],
    [
      ["run", "experiments/leader-interface-down.yaml", "--repeat", "1e3"],
      'testbed: Cannot use --repeat "1e3": expected a whole number from 1\n',
    ],
    [
      ["fault", "interface-down", "leader", "--for", "10"],
      'testbed: Cannot use --for "10": expected a duration with a unit, like "50ms"\n',
    ],
    [["heal", "all"], 'testbed: Cannot heal "all": expected the number of a fault\n  → see: testbed fault list\n'],
  ])("%j", async (words, stderr) => {
    expect(await testbed(...words)).toEqual({ code: 2, stdout: "", stderr });
  });
});

describe("a file that is not there, or may not be read", () => {
  it.each([
    [
      ["up", "nowhere.yaml"],
      'testbed: Cannot read a topology from "nowhere.yaml": there is no such file\n  → the shipped ones are in topologies/\n',
    ],
    [
      ["plan", "topologies"],
      'testbed: Cannot read a topology from "topologies": it is a folder\n  → the shipped ones are in topologies/\n',
    ],
    [
      ["run", "nowhere.yaml"],
      'testbed: Cannot read an experiment from "nowhere.yaml": there is no such file\n  → the shipped ones are in experiments/\n',
    ],
    [
      ["report", "nowhere"],
      'testbed: Cannot read "nowhere/manifest.json": it is not there\n  → name a folder that `testbed run` wrote\n',
    ],
    [
      ["messages", "nowhere"],
      'testbed: Cannot read "nowhere": it is not there\n  → name a folder that `testbed run` wrote\n',
    ],
    [["messages", "docs"], 'testbed: There is no repetition 1 in "docs"\n  → name a folder that `testbed run` wrote\n'],
    [
      ["events", "./docs"],
      'testbed: There is no repetition 1 in "./docs"\n  → name a folder that `testbed run` wrote\n',
    ],
    [
      ["plan", "experiments/throughput.yaml"],
      'testbed: Cannot use "experiments/throughput.yaml": it is an experiment, expected a topology\n' +
        "  → testbed run experiments/throughput.yaml   runs it; its topology is the file that it names\n",
    ],
    [
      ["run", "topologies/bft4-ring.yaml"],
      'testbed: Cannot use "topologies/bft4-ring.yaml": it is a topology, expected an experiment\n' +
        "  → testbed up topologies/bft4-ring.yaml   brings it up; an experiment names it as its topology, as those in experiments/ do\n",
    ],
  ])("%j", async (words, stderr) => {
    expect(await testbed(...words)).toEqual({ code: 2, stdout: "", stderr });
  });

  it.each([
    ["aliases of aliases", `a: &a [x]\nb: &b [${"*a, ".repeat(99)}]\nc: [${"*b, ".repeat(99)}]\n`, "1:7"],
    [
      "deep indentation",
      `a:\n${Array.from({ length: 1_000 }, (_, index) => `${" ".repeat(index + 1)}a:\n`).join("")}`,
      "1:1",
    ],
  ])("%s are refused with the line", async (name, text, place) => {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    const { code, stderr } = await testbed("validate", file);
    expect(stderr).toContain(`testbed: ${file}:${place}: Cannot `);
    expect(stderr).not.toContain("defect");
    expect(code).toBe(2);
  });

  it("text that is not UTF-8 is refused", async () => {
    const file = join(folder, "latin1.yaml");
    writeFileSync(file, Buffer.from("name: l\u00fcbeck\n", "latin1"));
    const { code, stderr } = await testbed("validate", file);
    expect(stderr).toMatch(/^testbed: Cannot read .*latin1\.yaml": it is not UTF-8 text\n/);
    expect(code).toBe(2);
  });

  it("a pipe is read to its end, and Ctrl-C ends the wait for who writes to it", async () => {
    const piping = (line: string) =>
      execa("sh", ["-c", `${line} | bin/testbed validate /dev/stdin`], { cwd: root, reject: false });
    expect((await piping("cat topologies/bft4-ring.yaml")).stdout).toBe("/dev/stdin: good");
    expect((await piping("true")).stderr).toBe("testbed: /dev/stdin:1:1: The file is empty");
    const pipe = join(folder, "pipe.yaml");
    await execa("mkfifo", [pipe]);
    const waiting = execa(program, ["validate", pipe], {
      cwd: root,
      reject: false,
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    await execa("sh", ["-c", 'sleep 2; cat topologies/bft4-ring.yaml > "$0"', pipe], { cwd: root });
    expect((await waiting).stdout).toBe(`${pipe}: good`);
    const stuck = execa(program, ["validate", pipe], {
      cwd: root,
      reject: false,
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    await execa("sleep", ["3"]); // until it waits; earlier, Ctrl-C would prove nothing
    stuck.kill("SIGINT");
    expect((await stuck).exitCode).toBe(130);
  }, 60_000);

  it("an experiment whose topology is not there says so", async () => {
    const file = join(folder, "lost.yaml");
    writeFileSync(
      file,
      "format: 1\nname: lost\ntopology: gone.yaml\nworkload: { rate: 1/s, size: 1B }\ntimeline: []\nduration: 1s\n",
    );
    const { code, stderr } = await testbed("validate", file);
    expect(stderr).toMatch(/Cannot read a topology from ".*gone\.yaml": there is no such file/);
    expect(code).toBe(2);
  });

  it("an experiment may name its topology by an absolute path", async () => {
    const file = join(folder, "absolute.yaml");
    const topology = join(root, "topologies", "bft4-ring.yaml");
    writeFileSync(
      file,
      `format: 1\nname: absolute\ntopology: ${topology}\nworkload: { rate: 1/s, size: 1B }\ntimeline: []\nduration: 1s\n`,
    );
    expect(await testbed("validate", file)).toEqual({ code: 0, stdout: `${file}: good\n`, stderr: "" });
  });

  it("a results folder of another format is refused by name", async () => {
    writeFileSync(join(folder, "manifest.json"), '{ "format": 7 }');
    const path = join(folder, "manifest.json");
    expect((await testbed("report", folder)).stderr).toBe(
      `testbed: Cannot read "${path}": found format 7, expected 1\n`,
    );
    writeFileSync(path, "{");
    const broken = await testbed("report", folder);
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain(`testbed: Cannot read "${path}": `);
  });
});

/** Some thirty processes, one after the other, on a machine that may be busy. */
const manyProcesses = { timeout: 120_000 };

describe("help", manyProcesses, () => {
  const commandsOf = (text: string): readonly string[] =>
    [...(text.split("\nCommands:\n")[1] ?? "").matchAll(/^ {2}([a-z][a-z-]+)/gm)]
      .map((match) => match[1] ?? "")
      .filter((name) => name !== "help");
  const optionsOf = (text: string): readonly string[] =>
    [...text.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g)].map(([name]) => name);

  it("goes to stdout with exit code 0, for every command", async () => {
    const { stdout } = await testbed("--help");
    expect(commandsOf(stdout).length).toBeGreaterThan(14);
    for (const command of commandsOf(stdout)) {
      const help = await testbed(command, "--help");
      expect(help, `${command} --help`).toMatchObject({ code: 0, stderr: "" });
      // Each argument and option is described.
      const described = help.stdout.split("\nExample")[0] ?? "";
      for (const line of described.split("\n").filter((text) => /^ {2}(-|[a-z]+ ?)/.test(text))) {
        expect(line.trim().split(/ {2,}/).length, `${command}: "${line}" says nothing`).toBeGreaterThan(1);
      }
    }
  });

  it("knows every command and option that README and docs write", async () => {
    const helps = new Map<string, string>();
    const help = async (...words: readonly string[]): Promise<string> => {
      const key = words.join(" ");
      const text = helps.get(key) ?? (await testbed(...words, "--help")).stdout;
      helps.set(key, text);
      return text;
    };
    const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
    let count = 0;
    for (const document of documents.filter((name) => name.endsWith(".md"))) {
      const text = readFileSync(join(root, document), "utf8");
      const blocks = [...text.matchAll(/(?:^ {4}.*\n)+|^```sh?\n[\s\S]*?^```/gm)].map(([block]) => block);
      const lines = blocks.flatMap((block) => block.split("\n"));
      for (const line of lines) {
        const words = (/(?:^|\s)(?:bin\/)?testbed (.+)$/.exec(line.split(" #")[0] ?? "")?.[1] ?? "")
          .trim()
          .split(/\s+/);
        const [first = "", second = ""] = words;
        if (!/^[a-z]+$/.test(first)) continue;
        count++;
        expect(commandsOf(await help()), `${document}: ${line}`).toContain(first);
        const subcommands = commandsOf(await help(first));
        const subcommand = subcommands.length > 0 ? [second] : [];
        expect(subcommands, `${document}: ${line}`).toEqual(expect.arrayContaining(subcommand));
        const known = optionsOf(await help(first, ...subcommand));
        const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
        for (const option of own.filter((word) => /^--?[a-z]/.test(word))) {
          expect(known, `${document}: ${line}`).toContain(option);
        }
      }
    }
    expect(count).toBeGreaterThan(12);
  });
});

it.each([
  ["../x", "it must begin with a small letter"],
  ["a/b", undefined],
  ["a b", undefined],
  ["", undefined],
])("refuses to name a lab %j, which becomes a folder", async (name, why) => {
  const { code, stderr } = await testbed("up", "topologies/bft4-ring.yaml", "--name", name);
  expect(code).toBe(2);
  expect(stderr).toContain(`testbed: Cannot name a lab ${JSON.stringify(name)}: ${why ?? ""}`);
  expect(existsSync(join(folder, "state"))).toBe(false);
});
