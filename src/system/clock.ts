// The one reader of the clock: CLOCK_MONOTONIC through process.hrtime, in integer microseconds. Every process on a kernel,
// containers included, shares it, so instants of different nodes may be subtracted. Wall time is only for people.
import { instant, type Instant } from "../base/index.js";

/** Now. `bigint` nanoseconds are exact; the division brings them into the safe integers (285 years). */
export const now = (): Instant => instant(Number(process.hrtime.bigint() / 1_000n));
