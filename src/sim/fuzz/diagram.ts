// A run as a mermaid sequence diagram: what the nodes sent each other, the steps that matter, and the faults, up to the
// alarm. Long runs keep their end.
import type { Instant, NodeId } from "../../base/index.js";
import type { Fact, Step } from "../../smartbft/index.js";
import type { LogEntry } from "../cluster.js";
import type { FuzzResult } from "./run.js";
import type { Event } from "./schedule.js";

/** Steps a reader needs; the others stand in the traces. */
const told: ReadonlySet<Step> = new Set([
  "proposing",
  "prePrepared",
  "prepared",
  "deciding",
  "delivered",
  "badProposal",
  "badVote",
  "complaint",
  "viewChangeStarted",
  "viewChangeTimeout",
  "viewDataSent",
  "viewDataRefused",
  "newViewSent",
  "newViewAccepted",
  "newViewRefused",
  "inFlightStarted",
  "inFlightCommitted",
  "inFlightFailed",
  "viewInstalled",
  "viewStarting",
  "syncStarted",
  "syncEnded",
  "restored",
  "reconfigured",
  "evicted",
  "rotating",
  "blacklist",
] as const);

interface Line {
  readonly at: Instant;
  readonly text: string;
}

export class DiagramRecorder {
  readonly #lines: Line[] = [];
  readonly #linesMax: number;

  constructor(linesMax = 240) {
    this.#linesMax = linesMax;
  }

  readonly onTrace = ({ at, node, trace }: LogEntry): void => {
    if (trace.kind === "received") {
      const place = [
        trace.view === undefined ? "" : `v${trace.view}`,
        trace.sequence === undefined ? "" : `s${trace.sequence}`,
      ];
      const what = [trace.type, ...place].filter((part) => part !== "").join(" ");
      this.#add(at, `n${trace.from}->>n${node}: ${clean(`${what}: ${trace.decision}`)}`);
    } else if (trace.kind === "step" && told.has(trace.step)) {
      this.#add(at, `Note over n${node}: ${milliseconds(at)} ${trace.step} ${clean(factsText(trace.facts))}`);
    }
  };

  /** The text, with faults put in where they fired and the first alarm at the end. */
  text({ schedule, fired, alarms }: FuzzResult): string {
    const nodes = participants(this.#lines, schedule.setting.size);
    const all = `Note over n${nodes[0]},n${nodes.at(-1)}: `;
    const alarm = alarms[0];
    const faults = fired.map(({ index, at }) => ({
      at,
      text: `${all}${milliseconds(at)} FAULT ${clean(eventText(schedule.events[index]))}`,
    }));
    const end = alarm?.at ?? Infinity;
    const lines = [...this.#lines.filter(({ at }) => at <= end), ...faults].toSorted(
      (left, right) => left.at - right.at,
    );
    const kept = lines.slice(-this.#linesMax).map(({ text }) => text);
    const skipped = lines.length > kept.length ? [`${all}… ${lines.length - kept.length} earlier lines left out`] : [];
    const alarmLine =
      alarm === undefined ? [] : [`${all}${milliseconds(alarm.at)} ALARM ${clean(`${alarm.code}: ${alarm.text}`)}`];
    const body = [...nodes.map((id) => `participant n${id} as node ${id}`), ...skipped, ...kept, ...alarmLine];
    return `sequenceDiagram\n${body.map((line) => `  ${line}\n`).join("")}`;
  }

  #add(at: Instant, text: string): void {
    this.#lines.push({ at, text });
    // Twice as many as are shown: what came after the alarm is dropped later.
    if (this.#lines.length > 40 * this.#linesMax) this.#lines.splice(0, 20 * this.#linesMax);
  }
}

function participants(lines: readonly Line[], size: number): readonly number[] {
  const nodes = new Set(Array.from({ length: size }, (_, index) => index + 1));
  for (const { text } of lines) for (const [, id] of text.matchAll(/\bn(\d+)\b/g)) nodes.add(Number(id) as NodeId);
  return [...nodes].toSorted((left, right) => left - right);
}

const milliseconds = (at: Instant): string => `${(at / 1000).toFixed(1)} ms`;
/** Mermaid ends a message at ; and #. */
const clean = (text: string): string => text.replaceAll(/[;#\n]/g, ",");
const factsText = (facts: Readonly<Record<string, Fact>>): string =>
  Object.entries(facts)
    .map(([name, fact]) => `${name} ${String(fact)}`)
    .join(", ");

/** One event in words. */
export function eventText(event: Event | undefined): string {
  if (event === undefined) return "";
  const { when, fault, forMs } = event;
  const details = Object.entries(fault)
    .filter(([name]) => name !== "kind")
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
  const moment =
    when.at === "time"
      ? `at ${when.ms} ms`
      : `at the ${when.count}. ${when.step}${when.delayMs > 0 ? ` and ${when.delayMs} ms` : ""}`;
  return `${fault.kind}${details === "" ? "" : ` (${details})`} ${moment}${forMs === undefined ? "" : ` for ${forMs} ms`}`;
}
