// tally.mjs TALLY ALLOWED FAILURES: prints "passed failed skipped" of one suite, and appends what failed to FAILURES, a line each;
// with CI=true a skip without a listed reason fails.
import { appendFileSync, readFileSync } from "node:fs";

const [tallyFile, allowedFile, failuresFile] = process.argv.slice(2);
const text = readFileSync(tallyFile, "utf8");
if (text !== "") {
  const { passed, failures, skipped } = JSON.parse(text);
  const allowed = new Set(readFileSync(allowedFile, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")));
  const strict = process.env.CI === "true";
  const refused = strict ? skipped.filter(({ reason }) => !allowed.has(reason)) : [];
  for (const { test, reason } of skipped) console.error(`SKIPPED ${test}: ${reason || "no reason given"}`);
  const unlisted = refused.map(({ test }) => `${test}: skipped in CI for a reason that tests/allowed-skips does not list`);
  for (const line of unlisted) console.error(`FAILED ${line}`);
  for (const line of [...failures, ...unlisted]) appendFileSync(failuresFile, `FAILED ${line}\n`);
  console.log(passed, failures.length + refused.length, skipped.length - refused.length);
}
