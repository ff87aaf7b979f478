// A lab runtime made to fit what `run` needs: one repetition from up to down as a stream of events.
import type { Event } from "../boundary/index.js";
import type { Runtime } from "../lab/index.js";
import type { Execute } from "../run/index.js";

/** The lab is torn down however the stream ends: finished, thrown, or left by its reader. */
export function executionIn(runtime: Runtime): Execute {
  return async function* execute(plan, experiment, seed, { signal, progress }): AsyncGenerator<Event, void, undefined> {
    const lab = await runtime.up(plan, {
      seed,
      messageTrace: true,
      signal,
      progress: ({ phase, milliseconds }) => progress(`  ${phase} ${(milliseconds / 1000).toFixed(2)} s`),
    });
    try {
      await lab.startRun(experiment, seed);
      progress(`  running ${experiment.name}`);
      for await (const event of lab.events({ fromByte: 0, signal })) {
        if (event.kind === "phase") progress(`  ${event.phase}`);
        if (event.kind === "fault")
          progress(`  fault ${event.fault} ${event.what} ${event.how} ${event.target}: ${event.state}`);
        yield event;
        if (event.kind === "phase" && event.phase === "stopped") break;
      }
      signal.throwIfAborted();
    } finally {
      await lab.down();
      await lab[Symbol.asyncDispose]();
    }
  };
}
