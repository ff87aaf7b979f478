// JSON Schema of both files, for editors that complete and check YAML (`testbed schema`). Draft 7, which they all read.
// It describes files as written; the rules over more than one key are not in it.
import * as z from "zod";
import { experimentSchemaZod } from "./experiment.schema.js";
import { topologySchemaZod } from "./topology.schema.js";

export type JsonSchema = Readonly<Record<string, unknown>>;

export function topologySchema(): JsonSchema {
  return {
    title: "Topology of a testbed, format 1",
    ...z.toJSONSchema(topologySchemaZod, { io: "input", target: "draft-7" }),
  };
}

export function experimentSchema(): JsonSchema {
  return {
    title: "Experiment of a testbed, format 1",
    ...z.toJSONSchema(experimentSchemaZod, { io: "input", target: "draft-7" }),
  };
}
