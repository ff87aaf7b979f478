// An engine's refusals, and its absence, as a user reads them. Answers are those of Docker 20.10, through dockerode.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, expect, test } from "vitest";
import { errorText } from "../../system/index.js";
import { engineError } from "./engine-errors.js";

const folder = mkdtempSync("/tmp/testbed-engine-test-");
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** dockerode, connected to something that answers every request in this way. */
async function answering(status: number, message: string): Promise<Docker> {
  const socketPath = join(folder, `${status}.sock`);
  const server = createServer((_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return new Docker({ socketPath });
}

async function textOf(what: string, work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return errorText(engineError(what, error));
  }
  throw new Error("It did not fail");
}

const conflict = 'Conflict. The container name "/testbed.ring.r1" is already in use by container "6a2b".';

test.each([
  [409, conflict],
  [404, "No such image: testbed-node:0123456789ab"],
  [500, 'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "sh": not found'],
])("what an engine refuses with %i is quoted once, without its HTTP", async (status, message) => {
  const engine = await answering(status, message);
  const text = await textOf("Start container testbed.ring.r1", engine.createContainer({ Image: "x" }));
  expect(text).toBe(`Start container testbed.ring.r1: the engine said "${message}"`);
});

test("an engine that is not there is not said to have said something", async () => {
  const socketPath = join(folder, "nobody.sock");
  const text = await textOf("List containers", new Docker({ socketPath }).listContainers());
  expect(text).toBe(
    `List containers: the engine is not there any more: there is no such socket ("connect ENOENT ${socketPath}")\n  → start it again; testbed labs then says what is left, and testbed clean removes it`,
  );
});
