// Hears from the engine which containers of a lab have ended, started, been frozen or gone on. Says only that something changed:
// whoever cares looks at the container itself, so an event that comes late, twice or not at all does no harm that the next look
// does not repair.
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import { errorText, LineSplitter, pause } from "../../system/index.js";
import { label, messageOf } from "./engine.js";

export interface ContainerWatchOptions {
  readonly engine: Docker;
  /** Labels (NAME=VALUE) that the lab's containers have. */
  readonly labels: readonly string[];
  readonly changed: (node: PlannedNode["name"]) => void;
  /** What keeps it from hearing; it goes on to try. */
  readonly trouble: (text: string) => void;
}

const heard = ["die", "start", "pause", "unpause"];
/** An engine that has just gone is asked again this often. */
const againMs = 1_000;

/** Follows the engine's events for as long as this process lives. */
export async function watchContainers(options: ContainerWatchOptions): Promise<never> {
  const { signal } = new AbortController();
  const place: Place = { since: undefined };
  for (let isTold = false; ; ) {
    try {
      await follow(options, place, () => (isTold = false));
      throw new Error("the stream of its events ended");
    } catch (error) {
      if (!isTold)
        options.trouble(`cannot hear the engine: ${error instanceof Error ? messageOf(error) : errorText(error)}`);
      isTold = true;
    }
    await pause(againMs, { signal });
  }
}

interface Place {
  /** In the engine's own time, as its events carry it: nothing is computed from it but where to go on. */
  since: number | undefined;
}

/** Resolves when the stream ends. */
async function follow(
  { engine, labels, changed }: ContainerWatchOptions,
  place: Place,
  hearing: () => void,
): Promise<void> {
  const filters = { type: ["container" as const], event: [...heard], label: [...labels] };
  const stream = await engine.getEvents({ filters, ...(place.since === undefined ? {} : { since: place.since }) });
  hearing();
  const lines = new LineSplitter();
  for await (const chunk of stream) {
    for (const line of lines.push(Buffer.from(chunk))) {
      const event = JSON.parse(line) as EngineEvent; // the engine's own format
      place.since = event.time ?? place.since;
      const node = event.Actor?.Attributes?.[label.node] ?? "";
      if (node !== "") changed(node);
    }
  }
}

interface EngineEvent {
  readonly time?: number;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}
