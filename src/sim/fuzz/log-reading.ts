// Reads the log of a node as its disk holds it; each record is decoded once.
import { decodeSavedMessage, type SavedMessage } from "../../smartbft/index.js";

/** Answers the records of a log, in order; bytes that are none are passed over. */
export function logReader(): (log: readonly Uint8Array[]) => readonly SavedMessage[] {
  const records = new WeakMap<Uint8Array, readonly SavedMessage[]>();
  const recordOf = (bytes: Uint8Array): readonly SavedMessage[] => {
    let known = records.get(bytes);
    if (known === undefined) {
      const decoded = decodeSavedMessage(bytes);
      records.set(bytes, (known = decoded.kind === "good" ? [decoded.value] : []));
    }
    return known;
  };
  return (log) => log.flatMap(recordOf);
}
