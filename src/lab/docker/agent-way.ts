// Ways to an agent through the engine: what a process in its container takes and prints, as one stream. `up` has the agent's own
// standard input and output, every other command those of a relay beside it.
import { Duplex, Writable } from "node:stream";
import type Docker from "dockerode";
import { pause } from "../../system/index.js";

/** What was on its way when the container ended may arrive first. */
const lastWordsMs = 1_000;

/**
 * An engine may forget to end the stream of a process whose container ends at that moment (scripts/torture, with 20.10: `up` waited for
 * ever), so the end of the container ends it, too.
 */
export function endWith(way: Duplex, container: Docker.Container): void {
  const over = new AbortController();
  way.once("close", () => over.abort());
  const ended = container.wait({ abortSignal: over.signal }).then(() => pause(lastWordsMs, { signal: over.signal }));
  // Where the engine cannot be asked any more, the stream is of no use either; why is asked of the lab itself: `agentTrouble`.
  void Promise.allSettled([ended]).then(() => way.destroy());
}

/** One stream of what a process takes and prints; destroying it lets go of the engine's connection. */
export function wayOf(engine: Docker, stream: Duplex): Duplex {
  const both = new Duplex({
    read: () => stream.resume(),
    write: (chunk, encoding, done) => stream.write(chunk, encoding, done),
    final: (done) => stream.end(done),
    destroy: (error, done) => {
      stream.destroy();
      done(error);
    },
  });
  const output = new Writable({
    write: (chunk, _, done) => {
      if (!both.push(chunk)) stream.pause();
      done();
    },
  });
  // Why it ended is asked of the lab itself: `agentTrouble`.
  const errors = new Writable({ write: (_chunk, _encoding, done) => done() });
  engine.modem.demuxStream(stream, output, errors);
  for (const name of ["end", "close", "error"] as const) stream.once(name, () => both.destroy());
  return both;
}
