// Reads the log of a node as its disk holds it; each record is decoded once.
import { decodeSavedMessage, type SavedMessage } from "../../smartbft/index.js";

/** How far a log was read, and what it held. */
interface Reading {
  count: number;
  readonly records: SavedMessage[];
}

/** Answers the records of a log, in order; bytes that are none are passed over. A log may grow, but not change otherwise. */
export function logReader(): (log: readonly Uint8Array[]) => readonly SavedMessage[] {
  const readings = new WeakMap<readonly Uint8Array[], Reading>();
  return (log) => {
    let reading = readings.get(log);
    if (reading === undefined) readings.set(log, (reading = { count: 0, records: [] }));
    const { records } = reading;
    for (const bytes of log.slice(reading.count)) {
      const decoded = decodeSavedMessage(bytes);
      if (decoded.kind === "good") records.push(decoded.value);
    }
    reading.count = log.length;
    return records;
  };
}
