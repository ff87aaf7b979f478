// Lines of events.ndjson: good ones pass as they are, bad ones say what was found and what was expected.
import { expect, it } from "vitest";
import { eventFromLine } from "./event-line.js";

const phase = { kind: "phase", at: 12, node: "", phase: "ready" };

it("an event passes unchanged, unknown fields included", () => {
  const later = { ...phase, extra: 1 };
  expect(eventFromLine(JSON.stringify(later))).toEqual({ kind: "event", event: later });
});

it.each([
  ["not json", 'Cannot read "not json": expected one JSON object a line'],
  ["[1]", 'Cannot read "[1]": expected a JSON object'],
  ['{"kind":"weather"}', 'Cannot read an event of kind "weather": expected one of environment, phase, fault,'],
  [JSON.stringify({ ...phase, at: 1.5 }), "Cannot read at: 1.5 of a phase event: expected integer"],
  [JSON.stringify({ ...phase, phase: undefined }), "Cannot read phase: nothing of a phase event: expected string"],
  ['{"kind":"environment","format":2,"at":1,"node":""}', "Cannot read events of format 2: expected format 1"],
  ['{"kind":"constructor"}', 'Cannot read an event of kind "constructor": expected one of environment'],
])("%s is unreadable", (line, reason) => {
  const read = eventFromLine(line);
  expect(read.kind === "unreadable" ? read.reason : "").toContain(reason);
});
