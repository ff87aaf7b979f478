// plan.json: what `testbed plan -f json` prints and a results folder holds, as a schema, and back into a Plan. A field of
// the type that the schema lacks does not compile; one of the schema that no plan has fails the test. Meanings: plan.ts.
import * as z from "zod";
import type { Parsed, Problem } from "../base/index.js";
import { type Plan, planFormat } from "./plan.js";

/** A value after JSON: brands are gone, and what may be undefined may be absent. */
type Serialised<T> = T extends number
  ? number
  : T extends readonly unknown[]
    ? { readonly [K in keyof T]: Serialised<T[K]> }
    : T extends object
      ? { readonly [K in keyof T as undefined extends T[K] ? never : K]: Serialised<T[K]> } & {
          readonly [K in keyof T as undefined extends T[K] ? K : never]?:
            | Serialised<Exclude<T[K], undefined>>
            | undefined;
        }
      : T;

const text = z.string();
const texts = z.array(text);
const count = z.int().min(0);
const microseconds = z.int().min(0).describe("Microseconds");
const flag = z.boolean();
const ipv4 = text.regex(/^\d+\.\d+\.\d+\.\d+$/);
const prefix = text.regex(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
const kernelName = text.min(1).max(15);
const kernelIndex = z
  .int()
  .min(1_000)
  .max(2 ** 30 - 1);

const transport = z
  .strictObject({
    broadcast: z.enum(["parallel", "sequential"]),
    connectTimeout: microseconds,
    keepaliveTime: microseconds,
    keepaliveTimeout: microseconds,
    reconnectBackoffBase: microseconds,
    reconnectBackoffMax: microseconds,
    tcpUserTimeout: microseconds,
    tcpSynRetries: count,
    sendBufferMessages: count,
    tcpCongestionControl: text,
    ingress: z.enum(["shared", "per-sender"]),
  })
  .meta({ id: "transport" });

const protocol = z
  .strictObject({
    requestBatchMaxCount: count,
    requestBatchMaxBytes: count,
    requestBatchMaxInterval: microseconds,
    incomingMessageBufferSize: count,
    requestPoolSize: count,
    requestForwardTimeout: microseconds,
    requestComplainTimeout: microseconds,
    requestAutoRemoveTimeout: microseconds,
    viewChangeResendInterval: microseconds,
    viewChangeTimeout: microseconds,
    leaderHeartbeatTimeout: microseconds,
    leaderHeartbeatCount: count,
    numOfTicksBehindBeforeSyncing: count,
    collectTimeout: microseconds,
    syncOnStart: flag,
    speedUpViewChange: flag,
    leaderRotation: flag,
    decisionsPerLeader: count,
    requestMaxBytes: count,
    requestPoolSubmitTimeout: microseconds,
    tickInterval: microseconds,
    fidelity: z.enum(["library", "improved"]),
  })
  .meta({ id: "protocol" });

const peerTimers = z.strictObject({
  censorshipTimeout: microseconds,
  reconnectBackoffBase: microseconds,
  reconnectBackoffMax: microseconds,
});

const neighbours = z.enum(["learned", "fixed"]);

const routing = z.discriminatedUnion("protocol", [
  z.strictObject({ protocol: z.enum(["static", "none"]), neighbours }),
  z.strictObject({
    protocol: z.literal("ospf"),
    neighbours,
    ospf: z.strictObject({
      helloInterval: microseconds,
      deadInterval: microseconds,
      spfDelay: microseconds,
      spfInitialHold: microseconds,
      spfMaximumHold: microseconds,
      lsaMinArrival: microseconds,
      lsaThrottle: microseconds,
      retransmitInterval: microseconds,
    }),
    bfd: z
      .strictObject({ transmitInterval: microseconds, receiveInterval: microseconds, detectMultiplier: count })
      .optional(),
  }),
]);

const impairment = z.strictObject({
  delay: microseconds,
  jitter: microseconds,
  lossPercent: z.number().min(0).max(100),
  rateKbit: z.number().min(0),
});

const carrier = z.enum(["propagate", "isolate"]);
const kind = z.enum(["orderer", "peer", "client", "router", "switch", "host"]);
/** Plans of runs that were made before orderers could be anything else do not say it. */
const implementation = z.enum(["testbed", "smartbft-go"]).default("testbed");
const profile = z.enum(["fabric", "library", "fast"]);

// Plans of before there were hosts with images and limits have neither: results folders hold such plans.
const textsByName = z.record(text, text);
const host = z
  .strictObject({ image: text, files: textsByName, environment: textsByName })
  .default({ image: "", files: {}, environment: {} });
const limits = z
  .strictObject({ cpuCount: z.number().min(0), memoryBytes: count })
  .default({ cpuCount: 0, memoryBytes: 0 });

const topology = z.strictObject({
  format: z.literal(1),
  name: text,
  profile,
  channel: text,
  protocol,
  transport,
  peer: peerTimers,
  written: z.strictObject({ protocol: protocol.partial(), transport: transport.partial(), peer: peerTimers.partial() }),
  routing,
  nodes: z.array(
    z.strictObject({
      name: text,
      kind,
      id: text.optional(),
      ordererId: count,
      implementation,
      protocol,
      written: protocol.partial(),
      blockSources: texts,
      command: texts,
      host,
      limits,
      routes: z.array(z.strictObject({ to: text, via: text })),
    }),
  ),
  links: z.array(
    z.strictObject({
      endpoints: z.tuple([
        z.strictObject({ node: text, interface: text }),
        z.strictObject({ node: text, interface: text }),
      ]),
      mtu: count,
      impairment,
      carrier,
    }),
  ),
});

const service = { format: z.literal(1), name: text, channel: text, address: z.union([ipv4, z.literal("")]), transport };

const node = z.strictObject({
  name: text,
  kind,
  loopback: z.union([ipv4, z.literal("")]),
  interfaces: z.array(
    z.strictObject({
      name: kernelName,
      index: kernelIndex,
      mac: text.regex(/^02(:[0-9a-f]{2}){5}$/),
      address: prefix,
      mtu: count,
      port: kernelName,
      portIndex: kernelIndex,
      link: z.int().min(-1),
      far: text,
    }),
  ),
  sysctls: texts,
  frr: z.strictObject({ daemons: texts, configuration: text }).optional(),
  service: z
    .discriminatedUnion("kind", [
      z.strictObject({
        ...service,
        kind: z.literal("orderer"),
        implementation,
        id: z.int().min(1),
        port: z.int().min(1).max(65_535),
        options: protocol,
        messageTrace: flag,
      }),
      z.strictObject({ ...service, kind: z.literal("peer"), blockSources: texts, ...peerTimers.shape }),
      z.strictObject({ ...service, kind: z.literal("client"), mspId: text }),
    ])
    .optional(),
  command: texts,
  host,
  limits,
  routesExpected: z.array(prefix),
});

const end = z.strictObject({ node: text, interface: kernelName, port: kernelName });
const step = z.strictObject({ tool: z.enum(["ip", "tc", "nft"]), namespace: text, line: text });

const planSchemaZod = z.strictObject({
  format: z.literal(planFormat),
  lab: text,
  profile: text,
  channel: text,
  transport,
  routing,
  nodes: z.array(node),
  links: z.array(
    z.strictObject({
      bridge: kernelName,
      bridgeIndex: kernelIndex,
      ends: z.tuple([end, end]),
      subnet: prefix,
      carrier,
      impairment,
    }),
  ),
  switches: z.array(
    z.strictObject({ node: text, bridge: kernelName, bridgeIndex: kernelIndex, subnet: prefix, ports: z.array(end) }),
  ),
  collisions: texts,
  requirements: texts,
  steps: z.strictObject({
    namespaces: texts,
    switchboardSysctls: texts,
    wiring: z.array(step),
    addressing: z.array(step),
    impairments: z.array(step),
  }),
  topology,
}) satisfies z.ZodType<Serialised<Plan>>;

/** JSON Schema (draft 7, as those of `testbed schema`) of a plan. */
export function planSchema(): Readonly<Record<string, unknown>> {
  return {
    title: `Plan of a testbed, format ${planFormat}`,
    ...z.toJSONSchema(planSchemaZod, { io: "input", target: "draft-7" }),
  };
}

/** Reads a plan that was written as JSON. `file` names the text in problems; it is not opened. */
export function parsePlan(written: string, file: string): Parsed<Plan> {
  const bad = (path: string, message: string, suggestion: string): Parsed<Plan> => ({
    kind: "bad",
    problems: [problem(file, { path, message, suggestion })],
  });
  let data: unknown;
  try {
    data = JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return bad("", `Cannot read it as JSON: ${error.message}`, planAdvice);
  }
  const format = typeof data === "object" && data !== null && "format" in data ? data.format : undefined;
  if (format === undefined) return bad("format", `Missing: expected ${planFormat}, the format of a plan`, planAdvice);
  if (format !== planFormat) {
    return bad("format", `Cannot read a plan of format ${JSON.stringify(format)}: expected ${planFormat}`, planAdvice);
  }
  const checked = planSchemaZod.safeParse(data);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) =>
      problem(file, { path: pathText(issue.path), message: issue.message, suggestion: planAdvice }),
    );
    return { kind: "bad", problems };
  }
  // Checked just now; what JSON cannot hold are the brands of durations and ids, and keys whose value is undefined.
  return { kind: "good", value: checked.data as unknown as Plan };
}

const planAdvice = "make it anew from its topology, by testbed plan -f json";

function problem(file: string, found: Omit<Problem, "position">): Problem {
  return { position: { file, line: 1, column: 1 }, ...found };
}

/** `nodes[3].frr`, as everywhere. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}
