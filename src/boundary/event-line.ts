// A line of events.ndjson → an event, or why it is none. Hand-made rather than a schema: a run has millions of lines, and
// what readers rely on is little: the kind, the stamp, and the fields of that kind with their types. Unknown fields pass;
// an environment of another format is refused by name.
import { eventFormat, type Event, type EventKind } from "./event.js";

type FieldType = "string" | "number" | "integer" | "boolean" | "strings" | "numbers" | "object" | "numberOrText";

const fields: Readonly<Record<EventKind, Readonly<Record<string, FieldType>>>> = {
  environment: {
    format: "integer",
    clock: "string",
    runtime: "string",
    lab: "string",
    versions: "object",
    wallTime: "string",
  },
  phase: { phase: "string" },
  fault: {
    state: "string",
    fault: "integer",
    what: "string",
    how: "string",
    target: "string",
    asked: "string",
    detail: "string",
  },
  observed: { endpoint: "string", how: "string", state: "string" },
  link: { interface: "string", admin: "string", carrier: "boolean", deleted: "boolean" },
  route: { action: "string", destination: "string", via: "string", interface: "string", protocol: "string" },
  stream: { peer: "string", service: "string", state: "string", detail: "string" },
  socket: { local: "string", remote: "string", state: "string", detail: "string" },
  message: { direction: "string", other: "string", type: "string" },
  step: { component: "string", step: "string", facts: "object" },
  block: {
    role: "string",
    number: "integer",
    hash: "string",
    previousHash: "string",
    view: "integer",
    bytes: "integer",
    transactions: "strings",
    duplicates: "numbers",
    source: "string",
  },
  source: { orderer: "string", state: "string", reason: "string" },
  request: { transaction: "string", state: "string", intendedAt: "integer", orderer: "string", detail: "string" },
  process: { process: "string", pid: "integer", state: "string", detail: "string" },
  probe: { probe: "string", subject: "string", asked: "numberOrText", measured: "number", unit: "string" },
  log: { process: "string", text: "string" },
};

/** Every kind there is. */
export const eventKinds = Object.keys(fields) as readonly EventKind[]; // its type has a key for each kind

export type ReadEvent =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "unreadable"; readonly reason: string };

/** The event of one line, without its line end. The reason quotes what was found and says what was expected. */
export function eventFromLine(text: string): ReadEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable(`Cannot read ${quoted(text)}: expected one JSON object a line`);
  }
  if (!isRecord(value)) return unreadable(`Cannot read ${quoted(text)}: expected a JSON object`);
  const kind = value["kind"];
  if (typeof kind !== "string" || !isKind(kind)) {
    return unreadable(
      `Cannot read an event of kind ${JSON.stringify(kind)}: expected one of ${Object.keys(fields).join(", ")}`,
    );
  }
  if (kind === "environment" && value["format"] !== eventFormat) {
    return unreadable(
      `Cannot read events of format ${JSON.stringify(value["format"])}: expected format ${eventFormat}`,
    );
  }
  if (!isOf(value["at"], "integer")) return unreadable(wrong(kind, "at", value["at"], "integer"));
  if (!isOf(value["node"], "string")) return unreadable(wrong(kind, "node", value["node"], "string"));
  const expected = fields[kind];
  for (const name in expected) {
    const type = expected[name];
    if (type !== undefined && !isOf(value[name], type)) return unreadable(wrong(kind, name, value[name], type));
  }
  return { kind: "event", event: value as unknown as Event }; // every field that an event of this kind must have was checked
}

const unreadable = (reason: string): ReadEvent => ({ kind: "unreadable", reason });

function wrong(kind: string, name: string, found: unknown, type: FieldType): string {
  return `Cannot read ${name}: ${found === undefined ? "nothing" : JSON.stringify(found)} of a ${kind} event: expected ${type}`;
}

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);

const isKind = (kind: string): kind is EventKind => Object.hasOwn(fields, kind);

const isRecord = (value: unknown): value is Record<string, unknown> => {
  return typeof value === "object" && value !== null && !Array.isArray(value);
};

function isOf(value: unknown, type: FieldType): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return typeof value === "number";
    case "numberOrText":
      return typeof value === "number" || typeof value === "string";
    case "strings":
      return Array.isArray(value) && value.every((each) => typeof each === "string");
    case "numbers":
      return Array.isArray(value) && value.every((each) => typeof each === "number");
    case "object":
      return isRecord(value);
    default:
      return typeof value === type;
  }
}
