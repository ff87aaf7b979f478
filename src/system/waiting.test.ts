// Waiting, fan-out, cleanup and commands: bounded, cancellable, and honest about what they saw.
import { expect, test } from "vitest";
import { CleanupStack, mapBounded, runCommand, there, until, waiting } from "./index.js";

const signal = new AbortController().signal;

test("until says the last thing it saw when it gives up", async () => {
  let looks = 0;
  const probe = (): ReturnType<typeof waiting> => waiting(`saw ${++looks}`);
  await expect(until(probe, { timeoutMs: 20, everyMs: 5, signal, what: "a thing" })).rejects.toThrow(
    /^Wait for a thing: not there after 20 ms; saw \d+$/,
  );
  expect(looks).toBeGreaterThan(1);
});

test("until stops when aborted", async () => {
  const stop = new AbortController();
  const waitingFor = until(() => waiting("nothing"), { timeoutMs: 60_000, everyMs: 5, signal: stop.signal, what: "x" });
  stop.abort(new Error("enough"));
  await expect(waitingFor).rejects.toThrow(/enough|aborted/);
  expect(await until(() => there(1), { timeoutMs: 0, everyMs: 1, signal, what: "x" })).toBe(1);
});

test("a failed task stops its siblings before its error leaves", async () => {
  let running = 0;
  const task = async (item: number, own: AbortSignal): Promise<number> => {
    running++;
    try {
      if (item === 2) throw new Error("two");
      await runCommand("sleep", ["30"], { signal: own });
      return item;
    } finally {
      running--;
    }
  };
  await expect(mapBounded([1, 2, 3, 4], { limit: 2, signal }, task)).rejects.toThrow("two");
  expect(running).toBe(0);
  expect(await mapBounded([3, 4], { limit: 5, signal }, (item) => Promise.resolve(item * 2))).toEqual([6, 8]);
});

test("undos run in reverse, all of them, and failures are told together", async () => {
  const undone: string[] = [];
  const stack = new CleanupStack();
  stack.defer("one", () => void undone.push("one"));
  stack.defer("two", () => Promise.reject(new Error("stuck")));
  stack.defer("three", () => void undone.push("three"));
  await expect(stack[Symbol.asyncDispose]()).rejects.toThrow("Undo two: failed");
  expect(undone).toEqual(["three", "one"]);
});

test("a failed command is quoted", async () => {
  await expect(runCommand("sh", ["-c", "echo no good >&2; exit 3"], { signal })).rejects.toThrow(
    'exit code 3, it said "no good"; expected exit code 0',
  );
  await expect(runCommand("no-such-command-at-all", [], { signal })).rejects.toThrow("no such command on PATH");
});
