// Programmer errors: always on, the process stops. User errors are `problems`, hostile input is data.

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which the caller knows to be there; `what` says why when it is not. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`Expected ${what} to be present`);
  return value;
}

/** Closes a switch over a union: compiles only when every kind was handled. */
export function assertNever(value: never): never {
  throw new AssertionError(`Unexpected variant ${JSON.stringify(value)}`);
}
