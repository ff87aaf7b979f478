// A deadline is never met early, and the last one set is the one that counts.
import { expect, test } from "vitest";
import { after, milliseconds, microseconds, type Instant } from "../base/index.js";
import { now } from "./clock.js";
import { DeadlineTimer } from "./timer.js";

const firing = (deadline: Instant): Promise<Instant> =>
  new Promise((resolve) => {
    const timer = new DeadlineTimer(() => resolve(now()));
    timer.set(deadline);
  });

test("fires at or after its instant, never before", async () => {
  for (const delay of [microseconds(0), microseconds(300), milliseconds(1), milliseconds(3.5), milliseconds(20)]) {
    const deadline = after(now(), delay);
    expect(await firing(deadline)).toBeGreaterThanOrEqual(deadline);
  }
});

test("a replaced or removed deadline does not fire", async () => {
  let count = 0;
  using timer = new DeadlineTimer(() => count++);
  timer.set(after(now(), milliseconds(1)));
  timer.set(after(now(), milliseconds(5)));
  timer.set(undefined);
  await firing(after(now(), milliseconds(15)));
  expect(count).toBe(0);
});
