// The node image: made FROM a Debian image where the engine has one, else by debootstrap, and what is done is said; made anew in
// seconds after a change of the sources; missing images told with a cure; and a runtime chosen where no image can be made.
import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterEach, expect, test } from "vitest";
import { buildNodeImage, dockerRuntime } from "../../src/lab/index.js";
import { baseImage, wayToBase } from "../../src/lab/docker/base-image.js";
import { baseReference } from "../../src/lab/docker/base-recipe.js";
import { startContainer } from "../../src/lab/docker/containers.js";
import { processHere } from "../../src/lab/netns/host-process.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { planFrom } from "../netns/a-lab.js";
import { root } from "../netns/cli-bench.js";
import { image, noEngine, onEngine, signal } from "./on-engine.js";

onEngine();

const local = "local-debian:1";
afterEach(() => {
  delete process.env["TESTBED_DEBIAN_IMAGE"];
});

/** The base image under another name alone, as a Debian image that the engine has. */
async function withoutBase(engine: Docker, work: () => Promise<void>): Promise<void> {
  const [repo = "", tag = ""] = baseReference.split(":");
  await engine.getImage(baseReference).tag({ repo: "local-debian", tag: "1" });
  await engine.getImage(baseReference).remove({ noprune: true });
  try {
    await work();
  } finally {
    await engine.getImage(local).tag({ repo, tag });
    await engine.getImage(local).remove({ noprune: true });
  }
}

test("FROM a Debian image that the engine has: the same packages, the same Node, and it is said", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  await withoutBase(engine, async () => {
    process.env["TESTBED_DEBIAN_IMAGE"] = local;
    const said: string[] = [];
    const made = await baseImage(engine, { signal, progress: (phase) => said.push(phase) });
    expect(made).toBe(baseReference);
    expect(said[0]).toBe(`base image by FROM ${local}: the engine has ${local}`);
    const { Config, RootFS } = await engine.getImage(made).inspect();
    expect(Config.Labels).toMatchObject({ "testbed.base": baseReference.split(":")[1] });
    // On top of the Debian image: the packages and Node.
    expect(RootFS.Layers?.length).toBe(((await engine.getImage(local).inspect()).RootFS.Layers?.length ?? 0) + 2);
    await engine.getImage(made).remove();
  });
}, 300_000);

test("ways are looked for in order: what the engine has, what a registry answers, debootstrap, none", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  const body = JSON.stringify({ schemaVersion: 2, mediaType: manifest, config: blob, layers: [] });
  const server = createServer((request, response) => {
    const isManifest = request.url?.includes("/manifests/") === true;
    const text = isManifest ? body : "{}";
    const type = isManifest ? manifest : "application/json";
    const length = Buffer.byteLength(text); // a registry tells it where it sends no text too
    response.writeHead(200, { "content-type": type, "content-length": length, ...(isManifest ? digest : {}) });
    response.end(request.method === "HEAD" ? "" : text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  process.env["TESTBED_DEBIAN_IMAGE"] = `127.0.0.1:${port}/debian:1`;
  expect(await wayToBase(engine)).toMatchObject({ way: "debian", why: `a registry has 127.0.0.1:${port}/debian:1` });
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  expect(await wayToBase(engine)).toMatchObject({
    way: "debootstrap",
    why: expect.stringMatching(
      /^no registry gives 127\.0\.0\.1:\d+\/debian:1: the engine said ".*connection refused"$/s,
    ) as unknown,
  });
});

const manifest = "application/vnd.docker.distribution.manifest.v2+json";
const blob = {
  mediaType: "application/vnd.docker.container.image.v1+json",
  size: 2,
  digest: `sha256:${"0".repeat(64)}`,
};
const digest = { "docker-content-digest": `sha256:${"1".repeat(64)}` };

test("where an engine answers and no image can be had, auto takes netns and says why", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  const project = copyOfProject();
  appendFileSync(join(project, "images", "node", "start"), "# so that it is another program\n");
  try {
    await withoutBase(engine, async () => {
      const hide = 'mount --bind /dev/null "$(command -v debootstrap)" && exec "$@"';
      const words = ["--mount", "--propagation", "private", "sh", "-c", hide, "sh"];
      const program = [process.execPath, join(project, "dist", "testbed.mjs"), "doctor", "-f", "csv"];
      const { stdout } = await execa("unshare", [...words, ...program], {
        env: { TESTBED_DEBIAN_IMAGE: "127.0.0.1:1/debian:1" },
      });
      expect(stdout).toMatch(
        /^Docker Engine,no,"?engine .* answers at .*, but no registry gives 127\.0\.0\.1:1\/debian:1 \(.*\), and debootstrap needs its package/m,
      );
    });
  } finally {
    rmSync(project, { recursive: true });
  }
});

test("after a change of the sources the image is made anew in seconds, and the stale one goes", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const project = copyOfProject();
  appendFileSync(join(project, "images", "node", "start"), "# a change\n");
  try {
    const startedAt = performance.now();
    const { stdout } = await execa(process.execPath, [join(project, "dist", "testbed.mjs"), "images", "build"]);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(stdout).toMatch(/^testbed-node:[0-9a-f]{12}$/);
    expect(stdout).not.toBe(image);
    expect(seconds).toBeLessThan(30);
    const engine = new Docker();
    expect((await engine.getImage(stdout).inspect()).Config.Labels?.["testbed.program"]).toContain(
      stdout.split(":")[1],
    );
    await expect(engine.getImage(image).inspect()).rejects.toThrow(/no such image/i);
  } finally {
    rmSync(project, { recursive: true });
    expect(await buildNodeImage({ signal, progress: () => undefined })).toBe(image);
  }
});

test.for([
  ["npm", "npm"],
  ["debootstrap", "root/debootstrap"],
] as const)(
  "a command line that is killed while %s works: it ends too, and clean takes the folder away",
  async ([, place], { skip }) => {
    skip(noEngine !== "", noEngine);
    const temporary = mkdtempSync("/tmp/testbed-killed-");
    const env = { TMPDIR: temporary, TESTBED_DEBIAN_IMAGE: "127.0.0.1:1/debian:1" };
    const { pid, startTicks } = await processHere();
    const busy = `testbed-base-${pid}-${startTicks}-busy`; // of a process that lives: ours
    mkdirSync(join(temporary, busy));
    const others = `testbed-base-${pid}-1-others`;
    mkdirSync(join(temporary, others));
    chownSync(join(temporary, others), 61_234, 61_234);
    const project = copyOfProject(); // of which there is no image
    appendFileSync(join(project, "images", "node", "start"), "# another program\n");
    const program = join(project, "dist", "testbed.mjs");
    const ours = (): readonly string[] => readdirSync(temporary).filter((name) => ![busy, others].includes(name));
    try {
      await withoutBase(new Docker(), async () => {
        const making = execa(process.execPath, [program, "images", "build"], { env, reject: false });
        const begun = (): Look<true> =>
          ours().some((name) => existsSync(join(temporary, name, place))) ? there(true) : waiting("not begun");
        await until(begun, { timeoutMs: 60_000, everyMs: 1, signal, what: place });
        making.kill("SIGKILL");
        expect((await making).signal).toBe("SIGKILL");
        const gone = (): Look<true> => {
          const working = processesWith(temporary);
          return working.length === 0 ? there(true) : waiting(working.join("; "));
        };
        await until(gone, { timeoutMs: 5_000, everyMs: 20, signal, what: "its programs to have ended" });
      });
      expect(ours()).toHaveLength(1);
      const { stderr } = await execa(process.execPath, [program, "clean"], { env });
      expect(stderr).toContain(`folder ${temporary}/testbed-base-`);
      expect(readdirSync(temporary).toSorted()).toEqual([busy, others].toSorted());
    } finally {
      rmSync(temporary, { recursive: true });
      rmSync(project, { recursive: true });
    }
  },
);

/** Command lines that have a path in them. */
const processesWith = (path: string): readonly string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " "))
    .filter((line) => line.includes(path));

/** Empty when the process has gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

test("an image that has vanished, and one that nobody has, are told with what to do", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  await expect(startContainer(engine, { name: "testbed.x.r1", Image: "testbed-node:vanished" })).rejects.toMatchObject({
    message:
      'Start container testbed.x.r1: image testbed-node:vanished has vanished; the engine said "No such image: testbed-node:vanished"',
    suggestion:
      "run it again: an image of ours is made anew when it is missing (testbed images build), others are fetched",
  });
  const plan = planFrom("format: 1\nname: nobody\nnodes:\n  h1: { kind: host, image: '127.0.0.1:1/nobodys:1' }\n");
  await expect(dockerRuntime.check(plan, { signal })).rejects.toMatchObject({
    name: "EnvironmentLacks",
    message: expect.stringMatching(
      /^This machine lacks image 127\.0\.0\.1:1\/nobodys:1, which host h1 asks for: the engine has none, and no registry gives it: the engine said ".*connection refused"$/s,
    ) as unknown,
    suggestion: "load it into the engine (docker load, docker build -t 127.0.0.1:1/nobodys:1 …), or name another",
  });
});

/** Programs as installed elsewhere: their hash is that of what is in them, not of where they are. */
function copyOfProject(): string {
  const project = mkdtempSync("/tmp/testbed-project-");
  for (const part of ["dist", "images", "package.json", "node_modules/koffi", "node_modules/@koromix"]) {
    cpSync(join(root, part), join(project, part), { recursive: true });
  }
  return project;
}
