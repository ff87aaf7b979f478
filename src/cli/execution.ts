// A lab runtime made to fit what `run` needs: one repetition from up to down as a stream of events.
import type { Event } from "../boundary/index.js";
import type { RunningLab, Runtime } from "../lab/index.js";
import type { Execute } from "../run/index.js";
import { errorText } from "../system/index.js";
import { progressFromNow, progressLine } from "./progress.js";
import { leaveNote } from "./run-note.js";

export interface ExecutionPlace {
  /** Absolute path of the results folder. */
  readonly results: string;
  readonly repetitions: number;
  readonly messageTrace: boolean;
}

/** The lab is torn down however the stream ends: finished, thrown, or left by its reader. */
export function executionIn(runtime: Runtime, place: ExecutionPlace): Execute {
  return async function* execute(plan, experiment, seed, { run, signal }): AsyncGenerator<Event, void, undefined> {
    const progress = progressFromNow();
    const { results, repetitions, messageTrace } = place;
    await using lab = await runtime.up(plan, { seed, messageTrace, signal, progress: progressLine });
    let isBroken = false;
    try {
      await lab.startRun(experiment, seed);
      await leaveNote(lab, { results, repetitions, run });
      progress(`running ${experiment.name}`);
      yield* eventsToTheEnd(lab, { signal, progress });
    } catch (error) {
      isBroken = true;
      throw error;
    } finally {
      await endLab(lab, { isBroken, progress });
    }
  };
}

/** Where the run has broken already that is what is told; an engine that went away ends no lab either. */
async function endLab(
  lab: RunningLab,
  { isBroken, progress }: { readonly isBroken: boolean; readonly progress: (text: string) => void },
): Promise<void> {
  try {
    await lab.down();
  } catch (error) {
    if (!isBroken) throw error;
    progress(`the lab could not be taken down: ${errorText(error)}`);
  }
}

/** Every event of a lab's repetition from the first one on, telling phases and faults; ends with `stopped`. */
export async function* eventsToTheEnd(
  lab: RunningLab,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: (text: string) => void },
): AsyncGenerator<Event, void, undefined> {
  for await (const event of lab.events({ fromByte: 0, signal })) {
    if (event.kind === "phase") progress(event.phase);
    if (event.kind === "fault") progress(`fault ${event.what} ${event.how} ${event.target}: ${event.state}`);
    yield event;
  }
  signal.throwIfAborted();
}
