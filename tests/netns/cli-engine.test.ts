// Engines that cannot be used, each told by a sentence of ours with the foreign words in it, exit 3; a runtime chosen where there is
// none; and what only containers can have, refused by name in namespaces. The engines are servers of the test's own.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CliBench } from "./cli-bench.js";

const bench = new CliBench();
const socket = join(bench.folder, "engine.sock");
const at = `unix://${socket} (DOCKER_HOST)`;
const elsewhere = "  → start one, name another with DOCKER_HOST, or use --runtime netns, which needs none\n";
const lone = "format: 1\nname: lone\nnodes:\n  h1: { kind: host, command: [sleep, infinity]";
let server: Server | undefined;

beforeAll(() => {
  bench.write("lone.yaml", `${lone} }\n`);
  bench.write("image.yaml", `${lone}, image: "nginx:1.27", files: { /etc/motd: hello } }\n`);
  bench.write("limited.yaml", `${lone}, cpu: 0.25, memory: 64MiB }\n`);
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  if (server !== undefined) await once(server, "close");
  server = undefined;
});
afterAll(() => bench.dispose());

/** Something that answers every question like this; undefined never answers. */
async function answering(answer: { readonly status?: number; readonly body: string } | undefined): Promise<void> {
  server = createServer((_, response) => {
    if (answer === undefined) return;
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
    response.end(answer.body);
  });
  server.listen(socket);
  await once(server, "listening");
}

const build = (host = `unix://${socket}`): Promise<unknown> =>
  bench.run("images build", { environment: { DOCKER_HOST: host, DOCKER_CONTEXT: "" } });
const lacks = (text: string, cure = elsewhere): unknown => ({
  code: 3,
  stdout: "",
  stderr: `testbed: This machine lacks ${text}\n${cure}`,
});

test("nobody listens: no such socket, a port without anybody", async () => {
  expect(await build()).toMatchObject({
    code: 3,
    stderr: `testbed: This machine lacks a Docker engine at ${at}: there is no such socket ("connect ENOENT ${socket}")\n${elsewhere}`,
  });
  expect(await build("tcp://127.0.0.1:1")).toEqual(
    lacks(
      'a Docker engine at tcp://127.0.0.1:1 (DOCKER_HOST): nobody listens there ("connect ECONNREFUSED 127.0.0.1:1")',
    ),
  );
});

const version = {
  Version: "20.10.24",
  ApiVersion: "1.41",
  Os: "linux",
  Arch: process.arch === "x64" ? "amd64" : "arm64",
};

test.each([
  ["is no engine", "hello", "what answers there is no Docker engine: it told no version of its API"],
  [
    "speaks too old an API",
    JSON.stringify({ ...version, Version: "1.12.6", ApiVersion: "1.24" }),
    "version 1.12.6 speaks API 1.24, and 1.41 (Docker 20.10) is needed",
  ],
  [
    "is of another system",
    JSON.stringify({ ...version, Os: "windows" }),
    'its containers are of "windows", and those of Linux are needed',
  ],
  [
    "is of another machine",
    JSON.stringify({ ...version, Arch: "s390x" }),
    `it runs on s390x, and the programs here are for ${version.Arch}`,
  ],
])("what answers %s", async (_, body, why) => {
  await answering({ body });
  expect(await build()).toEqual(lacks(`a Docker engine that can be used at ${at}: ${why}`));
});

test("an engine that answers and refuses is quoted", async () => {
  await answering({ status: 403, body: JSON.stringify({ message: "authorization denied by plugin" }) });
  expect(await build()).toEqual(
    lacks(
      `a Docker engine that can be used at ${at}: it answers and refuses with status 403: it said "authorization denied by plugin"`,
      "  → ask who runs it for the right to use it, or use --runtime netns, which needs none\n",
    ),
  );
});

test("an engine that never answers is not waited for", async () => {
  await answering(undefined);
  expect(await build()).toEqual(lacks(`a Docker engine at ${at}: no answer within 5000 ms`));
});

test("a context that is not there is a mistake of the user's, exit 2; netns needs no engine and does not mind", async () => {
  const environment = { DOCKER_HOST: "", DOCKER_CONTEXT: "afar", DOCKER_CONFIG: bench.folder };
  expect(await bench.run("images build", { environment })).toEqual({
    code: 2,
    stdout: "",
    stderr:
      'testbed: DOCKER_CONTEXT names the docker context "afar", and there is none of that name\n  → known: default; choose one with   docker context use NAME\n',
  });
  const { code, stderr } = await bench.run("up lone.yaml --runtime auto", { environment });
  expect(stderr).toContain(
    'runtime netns (docker cannot be used: DOCKER_CONTEXT names the docker context "afar", and there is none of that name)\n',
  );
  expect(code).toBe(0);
  await bench.good("down");
});

test("an image and files of a host's own are refused by name in namespaces, before anything exists", async () => {
  expect(await bench.run("up image.yaml")).toEqual({
    code: 3,
    stdout: "",
    stderr:
      "testbed: This machine lacks containers for host h1, which has image nginx:1.27: runtime netns has none; a file system for host h1, which brings /etc/motd: in runtime netns it is the machine's\n  → use --runtime docker, which has both\n",
  });
  expect(bench.leftovers()).toEqual([]);
});

test("limits are refused by name to who may make no control groups", async ({ skip }) => {
  skip(process.getuid?.() === 0, "root may make control groups");
  const { code, stderr } = await bench.run("up limited.yaml");
  expect(stderr).toMatch(
    /^testbed: This machine lacks a control group for the limit of cpu of node h1: .*; a control group for the limit of memory of node h1: .*\n {2}→ run it as root, use --runtime docker, or take the limits out of the topology\n$/,
  );
  expect(code).toBe(3);
});
