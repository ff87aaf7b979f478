// One event as one line for people: when it was, of which node, of which kind, and every other field by its name.
import { between, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";

const widths = { seconds: 12, node: 12, kind: 11 } as const;

export const eventColumns = `${"seconds".padStart(widths.seconds)}  ${"node".padEnd(widths.node)}  ${"kind".padEnd(widths.kind)}  what`;

/** Seconds since `origin`, to the microsecond. */
export function eventRow(event: Event, origin: Instant): string {
  const { kind, at, node, ...facts } = event;
  const seconds = (between(origin, at) / 1_000_000).toFixed(6).padStart(widths.seconds);
  return `${seconds}  ${node.padEnd(widths.node)}  ${kind.padEnd(widths.kind)}  ${words(facts)}`.trimEnd();
}

function words(facts: object): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== "" && value !== undefined)
    .map(([name, value]) => `${name}=${wordOf(value)}`)
    .join(" ");
}

/** A line stays a line, whatever a log holds. */
const wordOf = (value: unknown): string =>
  typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
