// What an engine says when it refuses, and what keeps it from answering, as sentences of ours with its own words quoted.
import { OperatingError } from "../../system/index.js";

/** Status code of an engine's answer that was an error (404 no such thing, 409 in use …); 0 for any other error. */
export function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return 0;
  return typeof error.statusCode === "number" ? error.statusCode : 0;
}

/** The engine's own words, as it answers `{"message": …}`, else the error's. */
export function messageOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "json" in error) {
    const { json } = error;
    if (typeof json === "object" && json !== null && "message" in json) return String(json.message);
  }
  return error instanceof Error ? error.message : String(error);
}

/** Why nobody answered at an address, by the code of the system's error; empty when that was not the trouble. */
export function unreachable(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return reasons[code] ?? "";
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  EHOSTUNREACH: "no way leads there",
  ENETUNREACH: "no way leads there",
  ENOTFOUND: "there is no such machine",
  EAI_AGAIN: "its name cannot be looked up now",
  ETIMEDOUT: "it does not answer",
  EACCES: "you may not use it",
};

/** Turns an engine's error into one of ours that says what was done; the engine's words are in it, so it needs no cause. */
export function engineError(what: string, cause: unknown): OperatingError {
  const gone = unreachable(cause);
  if (gone !== "") {
    return new OperatingError(`${what}: the engine is not there any more: ${gone} ("${messageOf(cause)}")`, {
      suggestion: "start it again; testbed labs then says what is left, and testbed clean removes it",
    });
  }
  return new OperatingError(`${what}: the engine said "${messageOf(cause).trim()}"`);
}
