// Stories of a cluster: each file in transcripts/ is a script (lines with ">") and what happened after each of its lines.
// Read them to see the protocol; UPDATE_TRANSCRIPTS=1 writes them anew, and every changed line wants an explanation.
//
//     > cluster size=4 delay=1ms fsync=1ms tick-phase=300ms forward=500ms complain=1500ms     options, see `timers`
//     > start                > submit NAME [to 2,3]      > load 5/s for 3s          > run 2s
//     > cut 1 | heal 1       > cut 1>2 | heal 1>2        > lose Commit | lose nothing
//     > crash 3 | start 3    > show messages of 2        > show steps               > ledgers
//     > only rotating,complaint      of the steps, from here on; `> only all` ends it
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, type Duration, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements, type ClusterOptions, type LogEntry } from "../../src/sim/index.js";
import { decodeMessage, type Fact, type ProtocolOptions } from "../../src/smartbft/index.js";

const folder = join(import.meta.dirname, "transcripts");
const update = process.env["UPDATE_TRANSCRIPTS"] === "1";

describe("transcripts", () => {
  for (const name of readdirSync(folder).toSorted()) {
    it(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
      const path = join(folder, name);
      const text = readFileSync(path, "utf8");
      const told = new Story().tell(text);
      if (update) writeFileSync(path, told);
      expect(update ? told : text).toBe(told);
    });
  }
});

/** Script names of the protocol's timers. */
const timers: Readonly<Record<string, keyof ProtocolOptions>> = {
  forward: "requestForwardTimeout",
  complain: "requestComplainTimeout",
  batch: "requestBatchMaxInterval",
  heartbeat: "leaderHeartbeatTimeout",
  "view-change": "viewChangeTimeout",
  resend: "viewChangeResendInterval",
  tick: "tickInterval",
};

class Story {
  #cluster: Cluster | undefined;
  #lines: string[] = [];
  #entries: LogEntry[] = [];
  #messagesOf: NodeId | undefined;
  #only: ReadonlySet<string> | undefined;

  /** The text with everything but comments and script lines told anew. */
  tell(text: string): string {
    for (const line of text.split("\n")) {
      if (line.startsWith("#") || line === "") this.#lines.push(line);
      else if (line.startsWith("> ")) this.#perform(line);
    }
    return this.#lines.join("\n").replaceAll(/\n{3,}/g, "\n\n");
  }

  #perform(line: string): void {
    this.#lines.push(line);
    const words = line.slice(2).split(" ");
    const [verb = "", subject = "", third = "", fourth = ""] = words;
    if (verb === "cluster") return this.#create(words.slice(1));
    const cluster = this.#there();
    if (verb === "start") cluster.start(subject === "" ? cluster.nodes : [nodeId(Number(subject))]);
    else if (verb === "submit")
      cluster.submit(subject, third === "to" ? fourth.split(",").map(Number).map(nodeId) : cluster.nodes);
    else if (verb === "load") cluster.load(Number.parseFloat(subject), duration(fourth));
    else if (verb === "run") cluster.run(duration(subject));
    else if (verb === "cut" || verb === "heal") this.#link(subject, verb === "heal");
    else if (verb === "lose") cluster.tamper = (bytes) => (kindOf(bytes) === subject ? undefined : bytes);
    else if (verb === "crash") cluster.crash(nodeId(Number(subject)));
    else if (verb === "show") this.#messagesOf = subject === "messages" ? nodeId(Number(fourth)) : undefined;
    else if (verb === "only") this.#only = subject === "all" ? undefined : new Set(subject.split(","));
    else if (verb === "order") cluster.order(subject);
    else if (verb === "join") cluster.join(nodeId(Number(subject)));
    else if (verb === "ledgers") this.#ledgers();
    else throw new Error(`Unknown line in a transcript: ${line}`);
    this.#flush();
  }

  #create(words: readonly string[]): void {
    const values = new Map(words.map((word): [string, string] => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
    const time = (name: string): Duration => duration(values.get(name) ?? "0ms");
    const protocol: Record<string, unknown> = {};
    for (const [name, option] of Object.entries(timers)) if (values.has(name)) protocol[option] = time(name);
    if (values.has("batch-count")) protocol["requestBatchMaxCount"] = Number(values.get("batch-count"));
    if (values.has("tenure")) {
      protocol["leaderRotation"] = true;
      protocol["decisionsPerLeader"] = Number(values.get("tenure"));
    }
    if (values.has("fidelity")) protocol["fidelity"] = values.get("fidelity");
    const slow = nodeId(Number(values.get("slow") ?? 0));
    const options: ClusterOptions = {
      size: Number(values.get("size") ?? 4),
      spare: Number(values.get("spare") ?? 0),
      seed: "transcript",
      linkDelay: time("delay"),
      fsync: time("fsync"),
      tickPhase: time("tick-phase"),
      verifyTime: (id) => (id === slow ? milliseconds(20) : milliseconds(0)),
      // The names and types were matched above.
      protocol: protocol as Partial<ProtocolOptions>,
    };
    this.#cluster = new Cluster(options);
    this.#cluster.onTrace = (entry) => this.#entries.push(entry);
  }

  #there(): Cluster {
    if (this.#cluster === undefined) throw new Error("A transcript begins with a cluster");
    return this.#cluster;
  }

  #link(subject: string, up: boolean): void {
    const { links } = this.#there();
    const [source = "", target] = subject.split(">");
    if (target !== undefined) links.set(nodeId(Number(source)), nodeId(Number(target)), { up });
    else if (up) links.heal(nodeId(Number(source)));
    else links.cut(nodeId(Number(source)));
  }

  #ledgers(): void {
    const cluster = this.#there();
    for (const id of cluster.nodes) {
      const payloads = cluster.ledger(id).decisions.map(({ proposal }) => new TextDecoder().decode(proposal.payload));
      this.#lines.push(
        `  ${id}: ${payloads.map((payload) => payload.replaceAll("client/", "").replaceAll("\n", "+")).join(" | ")}`,
      );
    }
    for (const disagreement of disagreements(cluster)) this.#lines.push(`  DISAGREEMENT at ${disagreement}`);
  }

  /** What all did at one instant becomes one line, with the nodes in front. */
  #flush(): void {
    const told = new Map<string, NodeId[]>();
    for (const entry of this.#entries) {
      const text = this.#text(entry);
      if (text === undefined) continue;
      const key = `${(entry.at / 1_000_000).toFixed(6)} ${text}`;
      told.set(key, [...(told.get(key) ?? []), entry.node]);
    }
    this.#entries = [];
    for (const [key, nodes] of told) {
      const [at = "", ...rest] = key.split(" ");
      this.#lines.push(`  ${at.padStart(10)}  ${[...new Set(nodes)].join(",").padEnd(7)}  ${rest.join(" ")}`);
    }
  }

  #text({ node, trace }: LogEntry): string | undefined {
    if (trace.kind === "step") {
      if (this.#only?.has(trace.step) === false) return undefined;
      const facts = Object.entries(trace.facts).map(([name, fact]) => `${name} ${factText(fact)}`);
      return `${trace.component} ${trace.step}${facts.length > 0 ? `: ${facts.join(", ")}` : ""}`;
    }
    if (trace.kind !== "received" || node !== this.#messagesOf) return undefined;
    const at = [
      trace.view === undefined ? "" : ` view ${trace.view}`,
      trace.sequence === undefined ? "" : ` sequence ${trace.sequence}`,
    ];
    const effects = trace.effects.length > 0 ? ` → ${trace.effects.join(", ")}` : "";
    return `got ${trace.assist === true ? "assisting " : ""}${trace.type}${at.join("")} from ${trace.from}: ${trace.decision}${effects}`;
  }
}

const factText = (fact: Fact): string => (typeof fact === "object" ? fact.join("+") : String(fact));

function duration(text: string): Duration {
  const value = Number.parseFloat(text);
  return milliseconds(text.endsWith("ms") ? value : value * 1000);
}

function kindOf(bytes: Uint8Array): string {
  const decoded = decodeMessage(bytes);
  return decoded.kind === "good" ? decoded.value.kind : "unknown";
}
