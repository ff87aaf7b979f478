// A run as a picture: what the peers committed in every bucket, and above it the instants that matter. Plain SVG, drawn to
// scale, no script; colours have the same meaning in every picture.
import type { Instant } from "../base/index.js";
import type { RunResult } from "./run-result.js";
import { timeseriesBucket } from "./run-fold.js";

const width = 1_000;
const height = 260;
const left = 50;
const top = 90;
const bottom = 230;

interface Mark {
  readonly at: Instant;
  readonly label: string;
  readonly colour: string;
}

/** Undefined when nothing is known to draw: no start of the load, or rows that were taken during the fold. */
export function timelineSvg(result: RunResult): string | undefined {
  const { startedAt } = result;
  const buckets = committedByPeers(result);
  const last = [...buckets.keys()].at(-1);
  if (startedAt === undefined || last === undefined) return undefined;
  const span = last + timeseriesBucket - startedAt;
  const x = (at: number): string => (left + ((at - startedAt) / span) * (width - left - 10)).toFixed(1);
  const most = Math.max(1, ...buckets.values());
  const y = (count: number): string => (bottom - (count / most) * (bottom - top)).toFixed(1);
  const bars = [...buckets].map(([at, count]) => `H${x(at)}V${y(count)}`).join("");
  const outages = result.outages.map(({ outage }) => {
    const from = x(outage.start);
    const wide = (Number(x(outage.cutAt)) - Number(from)).toFixed(1);
    return `<rect x="${from}" y="${top}" width="${wide}" height="${bottom - top}" fill="#fbe3e0"/>`;
  });
  const marks = marksOf(result).map(({ at, label, colour }, index) => {
    const line = 24 + (index % 5) * 13;
    return `<path d="M${x(at)} ${line}V${bottom}" stroke="${colour}"/><text x="${x(at)}" y="${line - 2}" fill="${colour}">${escaped(label)}</text>`;
  });
  const perSecond = (most * 1_000_000) / timeseriesBucket;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<text x="4" y="11">${escaped(`${result.experiment}, profile ${result.profile}, run ${result.run}: ${result.verdict}`)}</text>`,
    ...outages,
    `<path d="M${left} ${bottom}${bars}H${x(last + timeseriesBucket)}V${bottom}Z" fill="#4a7ab5"/>`,
    ...marks,
    `<text x="4" y="${top + 4}">${perSecond} tx/s</text>`,
    `<text x="${left}" y="${bottom + 16}">0 s</text>`,
    `<text x="${width - 60}" y="${bottom + 16}">${(span / 1_000_000).toFixed(1)} s</text>`,
    "</svg>",
    "",
  ].join("\n");
}

/** Transactions that the first peer of the series stored, by the start of each bucket. */
function committedByPeers(result: RunResult): ReadonlyMap<Instant, number> {
  const peer = result.timeseries.find((row) => row.role === "peer")?.node;
  return new Map(result.timeseries.filter((row) => row.node === peer).map((row) => [row.startsAt, row.committed]));
}

function marksOf(result: RunResult): readonly Mark[] {
  const marks: Mark[] = [];
  const add = (at: Instant | undefined, label: string, colour: string): void => {
    if (at !== undefined) marks.push({ at, label, colour });
  };
  for (const row of result.faults) {
    add(row.effectiveAt, `${row.target} down`, "#b3261e");
    add(row.healedAt, `${row.target} healed`, "#2e7d32");
  }
  for (const { change, detectedAt, installedAt } of result.viewChanges) {
    add(detectedAt, `view ${change.viewTo} asked for`, "#9a6700");
    add(installedAt, `view ${change.viewTo} installed`, "#5b3aa0");
    add(change.firstCommit?.at, `first commit in view ${change.viewTo}`, "#1f4e8c");
  }
  return marks.toSorted((one, other) => one.at - other.at);
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
