// What a text seems to be, by its top keys: for who was given one kind of file and wants to say that it is the other.
import { readDocument } from "./document.js";

/** An experiment names its topology; a topology has nodes. Undefined when it is neither, or no YAML that can be read. */
export function fileKindOf(text: string): "topology" | "experiment" | undefined {
  const source = readDocument(text, "");
  const data = source.kind === "good" ? source.value.data() : undefined;
  if (typeof data !== "object" || data === null) return undefined;
  if ("nodes" in data) return "topology";
  return "topology" in data || "timeline" in data ? "experiment" : undefined;
}
