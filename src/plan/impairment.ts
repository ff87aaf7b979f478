// Impairment of a link → `tc` lines at the egress of both its ports in the switchboard: frames toward a node leave
// through that node's port, so each direction has its own queue, and no sender's TCP is told of a drop (design 6.1).
// netem delays and loses, tbf holds the rate. Every default of either that matters is written out, with its reason here.
import { toMilliseconds } from "../base/index.js";
import type { Impairment } from "../spec/index.js";

export interface ImpairedLink {
  readonly impairment: Impairment;
  readonly mtu: number;
}

/** Arguments of `tc` for one port, in order; empty when nothing is impaired. */
export function impairmentLines(port: string, link: ImpairedLink): readonly string[] {
  const netem = netemArguments(link.impairment);
  const tbf = tbfArguments(link);
  if (netem === "") return tbf === "" ? [] : [`qdisc add dev ${port} root handle 1: ${tbf}`];
  const root = `qdisc add dev ${port} root handle 1: ${netem}`;
  // tbf as netem's child, as netem's own manual has it: netem is always the root, so that a later `change` finds it there
  // whether or not a rate is set. For a constant delay the order makes no difference to when a frame comes out.
  return tbf === "" ? [root] : [root, `qdisc add dev ${port} parent 1:1 handle 10: ${tbf}`];
}

/** For people: `delay 50 ms`, `rate 10000 kbit/s`; empty when nothing is impaired. */
export function impairmentWords({ delay, jitter, lossPercent, rateKbit }: Impairment): readonly string[] {
  return [
    delay > 0 ? `delay ${toMilliseconds(delay)} ms` : "",
    jitter > 0 ? `jitter ${toMilliseconds(jitter)} ms` : "",
    lossPercent > 0 ? `loss ${lossPercent} %` : "",
    rateKbit > 0 ? `rate ${rateKbit} kbit/s` : "",
  ].filter((word) => word !== "");
}

/** Kernel modules that the links need. */
export function requirementsFor(impairments: readonly Impairment[]): readonly string[] {
  const needs: string[] = [];
  if (impairments.some(isDelayedOrLossy)) needs.push("sch_netem");
  if (impairments.some((impairment) => impairment.rateKbit > 0)) needs.push("sch_tbf");
  return needs;
}

/** Whether netem is in the way; a rate alone is tbf's. */
export const isDelayedOrLossy = ({ delay, jitter, lossPercent }: Impairment): boolean =>
  delay > 0 || jitter > 0 || lossPercent > 0;

/**
 * Jitter is uniform in [delay - jitter, delay + jitter]: netem's choice where no distribution is named. It reorders
 * frames that are closer together than the jitter.
 */
function netemArguments(impairment: Impairment): string {
  if (!isDelayedOrLossy(impairment)) return "";
  const words = ["netem", `limit ${netemLimitFrames(impairment)}`];
  if (impairment.delay > 0 || impairment.jitter > 0) words.push(`delay ${impairment.delay}us`);
  if (impairment.jitter > 0) words.push(`${impairment.jitter}us`);
  if (impairment.lossPercent > 0) words.push(`loss ${impairment.lossPercent}%`);
  return words.join(" ");
}

/** A veth carries up to 10 Gbit/s here, 0.8 million full frames a second. */
const framesPerSecondMax = 1_000_000;
/** netem's own default, kept as what there is beyond the frames in flight. */
const netemLimitSpare = 1_000;
/** About 2 GB of full frames; beyond it drops are counted as queue drops, not as loss. */
const netemLimitMax = 1_000_000;

/**
 * netem holds every frame for its delay, and drops what exceeds `limit` frames. With its default of 1000 a delay of 50 ms
 * caps the link at 240 Mbit/s by loss that nobody asked for. So there is room for all that can be under way.
 */
function netemLimitFrames({ delay, jitter }: Impairment): number {
  const inFlight = Math.ceil((toMilliseconds(delay) + toMilliseconds(jitter)) * (framesPerSecondMax / 1_000));
  return Math.min(netemLimitMax, netemLimitSpare + inFlight);
}

const ethernetHeaderBytes = 14;
/** The queue before the bottleneck: 50 ms, half of a round trip across a continent, short enough not to be bufferbloat. */
const queueMsMin = 50;
/** … but never less than TCP's initial window, or a slow link loses the first flight of every connection. */
const queueFramesMin = 10;

function tbfArguments({ impairment, mtu }: ImpairedLink): string {
  const { rateKbit } = impairment;
  if (rateKbit === 0) return "";
  const frameBytes = mtu + ethernetHeaderBytes;
  const bytesPerMs = rateKbit / 8;
  // One millisecond at full rate: what a late timer may cost. Two frames at least: tbf never sends one larger than its
  // bucket, and with a single frame in it each timer's lateness is lost to the rate.
  const burstBytes = Math.ceil(Math.max(2 * frameBytes, bytesPerMs));
  const queueMs = Math.ceil(Math.max(queueMsMin, (queueFramesMin * frameBytes) / bytesPerMs));
  return `tbf rate ${rateKbit}kbit burst ${burstBytes} latency ${queueMs}ms`;
}
