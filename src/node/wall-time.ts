// Wall time for the timestamps that Fabric's headers carry. Written, never computed with: time is the monotonic clock's.
import type { Timestamp } from "../fabric/index.js";

export function wallTime(): Timestamp {
  const milliseconds = Date.now();
  return { seconds: Math.floor(milliseconds / 1_000), nanoseconds: (milliseconds % 1_000) * 1_000_000 };
}
