// What each node of a world is told: the plan's own words, with what the lab makes at `up` (lab/agent/node-files.ts) made
// here: keys that are names, no paths, the tick's phase from the seed exactly as the lab draws it.
import { microseconds, randomFrom } from "../../base/index.js";
import type { ClientIdentity, Consenter, NodeConfig } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import { keyOf } from "./site.js";

export function configsFor(
  plan: Plan,
  { seed, messageTrace }: { readonly seed: string; readonly messageTrace: boolean },
): ReadonlyMap<string, NodeConfig> {
  const common = {
    privateKeyFile: "",
    dataDirectory: "",
    controlSocket: "",
    consenters: consentersOf(plan),
    clients: clientsOf(plan),
    seed,
  };
  const configs = new Map<string, NodeConfig>();
  for (const { name, service } of plan.nodes) {
    if (service === undefined) continue;
    if (service.kind !== "orderer") configs.set(name, { ...service, ...common });
    else {
      const draw = randomFrom(seed, `tick-phase/${name}`);
      const tickPhase = microseconds(draw.integer(0, service.options.tickInterval - 1));
      configs.set(name, { ...service, ...common, tickPhase, messageTrace });
    }
  }
  return configs;
}

const consentersOf = (plan: Plan): readonly Consenter[] =>
  plan.nodes
    .flatMap(({ name, service }): Consenter[] =>
      service?.kind === "orderer"
        ? [{ id: service.id, name, address: service.address, port: service.port, publicKey: keyOf(name) }]
        : [],
    )
    .toSorted((left, right) => left.id - right.id);

const clientsOf = (plan: Plan): readonly ClientIdentity[] =>
  plan.nodes.flatMap(({ name, service }) =>
    service?.kind === "client" ? [{ name, mspId: service.mspId, publicKey: keyOf(name) }] : [],
  );
