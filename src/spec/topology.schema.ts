// The shape of a topology file, as written. What reaches over more than one key (endpoints, names, the graph, options
// that do not go together) is judged in topology-rules.ts; what it becomes, in topology-file.ts.
import * as z from "zod";
import {
  choice,
  count,
  duration,
  formed,
  listOf,
  mapOf,
  percent,
  rate,
  strictMap,
  text,
  unfit,
} from "./leaves.schema.js";
import { cpuCount, environment, fileTexts, imageReference, memory } from "./host.schema.js";
import { nodeNamePattern, topologyNamePattern } from "./names.js";
import { protocolSchema, settingsShape } from "./settings.schema.js";

/** FRR counts these in whole seconds, ospfd's (1-65535). */
const wholeSeconds = duration({
  expected: 'a duration of whole seconds from 1s to 65535s, like "1s"',
  example: "1s",
  min: 1_000_000,
  max: 65_535_000_000,
  step: 1_000_000,
});
/** `timers throttle spf` and `timers lsa min-arrival` take (0-600000) ms. */
const upToTenMinutes = duration({
  expected: 'a duration of whole milliseconds from 0ms to 600s, like "50ms"',
  min: 0,
  max: 600_000_000,
  step: 1_000,
});
/** `timers throttle lsa all` takes (0-5000) ms. */
const upToFiveSeconds = duration({
  expected: 'a duration of whole milliseconds from 0ms to 5s, like "0ms"',
  example: "0ms",
  min: 0,
  max: 5_000_000,
  step: 1_000,
});
/** bfdd's intervals are (10-60000) ms. */
const bfdInterval = duration({
  expected: 'a duration of whole milliseconds from 10ms to 60s, like "200ms"',
  example: "200ms",
  min: 10_000,
  max: 60_000_000,
  step: 1_000,
});

const bfdSchema = strictMap("BFD timers", {
  transmit: bfdInterval.optional().describe("Send a packet this often"),
  receive: bfdInterval.optional().describe("Expect packets no more often than this"),
  multiplier: count("a whole number from 2 to 255", 2, 255)
    .optional()
    .describe("Packets missing before the neighbour counts as gone"),
});

const routingSchema = strictMap("routing settings", {
  protocol: choice(["ospf", "static", "none"]).optional().describe("How nodes find each other"),
  neighbours: choice(["learned", "fixed"])
    .optional()
    .describe("Neighbours' hardware addresses: asked for by ARP, or known from the start"),
  hello: wholeSeconds.optional().describe("OSPF: say hello this often"),
  dead: wholeSeconds.optional().describe("OSPF: a neighbour silent for this long is gone"),
  "spf-delay": upToTenMinutes.optional().describe("OSPF: wait before computing routes"),
  "spf-initial-hold": upToTenMinutes.optional().describe("OSPF: wait before computing again"),
  "spf-maximum-hold": upToTenMinutes.optional().describe("OSPF: longest wait before computing again"),
  "lsa-min-arrival": upToTenMinutes
    .optional()
    .describe("OSPF: ignore a newer advertisement that comes sooner than this"),
  "lsa-throttle": upToFiveSeconds.optional().describe("OSPF: advertise no more often than this"),
  retransmit: wholeSeconds.optional().describe("OSPF: repeat an unacknowledged advertisement after this long"),
  bfd: z
    .union([choice(["on", "off"]), bfdSchema], {
      error: ({ input }) =>
        typeof input === "object"
          ? undefined
          : `Cannot use ${JSON.stringify(input)}: expected on, off or a map of BFD timers`,
    })
    .optional()
    .describe("Detect a dead neighbour by BFD"),
});

const routeSchema = strictMap("a route", {
  to: z
    .union(
      [text("a node's name or an IPv4 prefix"), listOf("names and prefixes", text("a node's name or an IPv4 prefix"))],
      {
        error: unfit("a node's name, an IPv4 prefix, or a list of them"),
      },
    )
    .describe("Nodes (their loopbacks) or IPv4 prefixes"),
  via: text("the name of a neighbour").describe("The neighbour whose link leads there"),
});

/** Fabric's consenter ids are 32 bits wide. */
const ordererIdMax = 4_294_967_295;

/** What execve(2) takes: no zero byte, and no word near its limit of 128 KiB. */
const wordCharactersMax = 32_768;
const word = text("a word of the command").regex(new RegExp(`^[^\\0]{1,${wordCharactersMax}}$`), {
  error: unfit(`a word of the command, at most ${wordCharactersMax} characters and none of them a zero byte`),
});

const nodeSchema = strictMap("a node", {
  kind: choice(["orderer", "peer", "client", "router", "switch", "host"]).describe("What the node is"),
  id: formed("an id of letters, digits and hyphens", /^[A-Za-z0-9-]{1,64}$/, "r1-again")
    .optional()
    .describe("Draws the node's addresses in place of its name"),
  "orderer-id": count(`a whole number from 1 to ${ordererIdMax}`, 1, ordererIdMax)
    .optional()
    .describe("Orderers: id in the consensus protocol"),
  implementation: choice(["testbed", "smartbft-go"])
    .optional()
    .describe("Orderers: this project's replica, or the Go library SmartBFT"),
  protocol: protocolSchema.optional().describe("Orderers: options of this one alone"),
  "block-sources": listOf("orderers", text("an orderer's name, leader or follower"))
    .optional()
    .describe("Peers: where to pull blocks from, in order"),
  command: listOf("words", word).optional().describe("Hosts: the command to run"),
  image: imageReference.optional().describe("Hosts: an image of the user's own, with the docker runtime"),
  files: fileTexts.optional().describe("Hosts: texts of files by their paths in the node, with the docker runtime"),
  environment: environment.optional().describe("Hosts: environment of the command"),
  cpu: cpuCount.optional().describe("Processors' time that the node may use: 0.5 is half of one"),
  memory: memory.optional().describe("Memory that the node may use"),
  routes: listOf("routes", routeSchema).optional().describe("Routes, with routing.protocol static"),
});

const linkSchema = strictMap("a link", {
  endpoints: z
    .tuple([text('an endpoint, like "r1:eth1"'), text('an endpoint, like "r1:eth1"')], {
      error: unfit('two endpoints, like ["r1:eth1", "r2:eth1"]'),
    })
    .describe("node:interface at both ends, or the bare name of a switch at one"),
  mtu: count("a whole number of bytes from 576 to 65535", 576, 65_535).optional().describe("Largest packet in bytes"),
  delay: duration({ min: 0 }).optional().describe("Each packet takes this much longer, in each direction"),
  jitter: duration({ min: 0 }).optional().describe("The delay varies by up to this much"),
  loss: percent.optional().describe("This share of packets is lost, in each direction"),
  rate: rate.optional().describe("No faster than this, in each direction"),
  carrier: choice(["propagate", "isolate"]).optional().describe("Whether one end sees the other end go down"),
});

export const topologySchemaZod = strictMap("a topology", {
  format: z.literal(1, { error: unfit("format: 1") }).describe("Version of this file's format"),
  name: formed(
    "a name of small letters, digits and hyphens, at most 32, beginning with a letter",
    topologyNamePattern,
    "bft4-ring",
  ).describe("Name of the topology, and of the lab"),
  profile: choice(["fabric", "library", "fast"]).optional().describe("Set of timers and settings to start from"),
  channel: formed('a channel name, like "testchannel"', /^[a-z][a-z0-9.-]{0,248}$/, "testchannel")
    .optional()
    .describe("Name of the channel that is ordered"),
  ...settingsShape,
  routing: routingSchema.optional().describe("How nodes find each other"),
  nodes: mapOf("nodes by name", nodeSchema)
    .meta({ propertyNames: { pattern: nodeNamePattern.source } })
    .describe("Members of the lab, by name"),
  links: listOf("links", linkSchema).optional().describe("What joins them"),
});

export type RawTopology = z.output<typeof topologySchemaZod>;
export type RawNode = z.output<typeof nodeSchema>;
export type RawLink = z.output<typeof linkSchema>;
export type RawRouting = z.output<typeof routingSchema>;
