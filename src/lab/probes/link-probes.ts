// Impaired links measured against what was asked of them, by pings between the two ends of each link before a run's load.
// One direction's delay is half a round trip, as both directions are impaired alike; one direction's loss likewise is what
// makes the loss of the round trip. A rate is measured by frames sent as fast as the answers to the last ones come, where the
// rate is what keeps them back; where the delay is, and beyond the first dozen links, nothing is probed: read back has to do.
import type { ProbeEvent } from "../../boundary/index.js";
import type { Plan, PlannedLink } from "../../plan/index.js";
import { mapBounded, now, OperatingError, tryCommand } from "../../system/index.js";
import type { EventSink } from "../links/event-sink.js";

interface Waits {
  readonly signal: AbortSignal;
}

const linksMax = 12;
const probesAtOnce = 4;
/** A round trip through the switchboard without any impairment, generously: frames must take longer than this to tell a rate. */
const bareRoundTripUs = 250;
/** Frames that take longer come too few in a second to measure by. */
const frameUsMax = 20_000;
/** Frames that leave at once, from tbf's bucket: it holds two full frames of 1514 bytes (plan, impairment). */
const freeFrames = 3;
/** Payload, ICMP, IP and Ethernet headers: what tbf counts of one ping with 1000 bytes. */
const frameBytes = 1_000 + 8 + 20 + 14;

interface Pings {
  readonly sent: number;
  readonly received: number;
  /** Mean round trip; undefined when nothing came back. */
  readonly roundTripUs: number | undefined;
  readonly tookMs: number;
}

/** Probes every impaired link between two nodes; emits one event for each quantity that was asked for. */
export async function probeLinks(plan: Plan, log: EventSink, { signal }: Waits): Promise<void> {
  const impaired = plan.links.filter(
    ({ impairment }) => impairment.delay + impairment.jitter + impairment.lossPercent + impairment.rateKbit > 0,
  );
  await mapBounded(impaired.slice(0, linksMax), { limit: probesAtOnce, signal }, (link, own) =>
    probeLink(plan, link, log, { signal: own }),
  );
}

async function probeLink(plan: Plan, link: PlannedLink, log: EventSink, { signal }: Waits): Promise<void> {
  const [near, far] = link.ends;
  const subject = `${near.node}:${near.interface} – ${far.node}:${far.interface}`;
  const address = addressOf(plan, far);
  const tell = (probe: Pick<ProbeEvent, "probe" | "asked" | "measured" | "unit">): void =>
    log.emit({ kind: "probe", at: now(), node: "", subject, ...probe });
  const { delay, lossPercent, rateKbit } = link.impairment;
  const pings = await ping(near.node, ["-c", lossPercent > 0 ? "400" : "20", "-i", "0.005", address], { signal });
  if (delay > 0 && pings.roundTripUs !== undefined) {
    tell({ probe: "delay", asked: delay, measured: Math.round(pings.roundTripUs / 2), unit: "us" });
  }
  if (lossPercent > 0) {
    const measured = 100 * (1 - Math.sqrt(pings.received / pings.sent));
    tell({ probe: "loss", asked: lossPercent, measured, unit: "percent" });
  }
  const frameUs = (8 * frameBytes * 1_000) / rateKbit;
  if (rateKbit > 0 && frameUs > 2 * delay + bareRoundTripUs && frameUs < frameUsMax) {
    const count = Math.max(20, Math.ceil(1_000_000 / frameUs));
    const flood = await ping(near.node, ["-A", "-s", "1000", "-c", String(count), "-W", "1", address], { signal });
    const measured = ((flood.received - freeFrames) * 8 * frameBytes) / flood.tookMs;
    tell({ probe: "rate", asked: rateKbit, measured: Math.round(measured), unit: "kbit/s" });
  }
}

async function ping(node: string, args: readonly string[], { signal }: Waits): Promise<Pings> {
  const inside = [`--net=/run/netns/${node}`, "--", "ping", "-n", "-q", ...args];
  const { stdout, stderr } = await tryCommand("nsenter", inside, { signal });
  const counts = /(\d+) packets transmitted, (\d+) received.*time (\d+)ms/.exec(stdout);
  if (counts === null) throw new OperatingError(`Probe a link from ${node}: ping said "${(stderr || stdout).trim()}"`);
  const mean = /= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1];
  const [sent = 0, received = 0, tookMs = 0] = counts.slice(1).map(Number);
  return { sent, received, tookMs, roundTripUs: mean === undefined ? undefined : Number(mean) * 1_000 };
}

function addressOf(plan: Plan, end: PlannedLink["ends"][number]): string {
  const node = plan.nodes.find((each) => each.name === end.node);
  const address = node?.interfaces.find((each) => each.name === end.interface)?.address ?? "";
  return address.split("/")[0] ?? "";
}
