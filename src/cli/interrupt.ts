// Ctrl-C: the first asks everything to stop and waits for the clean-up; a second one says what is left and leaves.
import { say } from "./output.js";

export interface Interrupt {
  readonly signal: AbortSignal;
  readonly interrupted: () => boolean;
  /** What a second Ctrl-C should name as left behind; empty when nothing. */
  leftBehind: string;
}

export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const interrupt: Interrupt = {
    signal: controller.signal,
    interrupted: () => controller.signal.aborted,
    leftBehind: "",
  };
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      say(
        interrupt.leftBehind === ""
          ? "testbed: stopped"
          : `testbed: stopped; left behind: ${interrupt.leftBehind} (run: testbed clean)`,
      );
      process.exit(130);
    }
    say(`testbed: ${name}: cleaning up (once more to leave at once)`);
    controller.abort(new Error(`interrupted by ${name}`));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return interrupt;
}
