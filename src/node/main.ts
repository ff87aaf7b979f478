// Entry of every node of ours: `node node.mjs CONFIG.json`. Reads the configuration and becomes what it says. Exit codes:
// 0 stopped when asked, 2 the configuration is wrong, 4 something failed (told on stderr and as an event).
import { assertNever } from "../base/index.js";
import type { NodeConfig } from "../boundary/index.js";
import { errorText, UserError } from "../system/index.js";
import { startClient } from "./client.js";
import { readConfig } from "./config.js";
import { hostNode, type Service, type Surroundings } from "./host.js";
import { startOrderer } from "./orderer.js";
import { startPeer } from "./peer.js";

function start(config: NodeConfig, around: Surroundings): Promise<Service> {
  switch (config.kind) {
    case "orderer":
      return startOrderer(config, around);
    case "peer":
      return startPeer(config, around);
    case "client":
      return startClient(config, around);
    default:
      return assertNever(config);
  }
}

async function main(): Promise<number> {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new UserError("Start a node: got no argument, expected the path of its configuration");
  const config = await readConfig(path);
  await hostNode(config, (around) => start(config, around));
  return 0;
}

// Connections of grpc-js may outlive their server for a moment; a stopped node does not wait for them.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(error instanceof UserError ? 2 : 4);
  },
);
