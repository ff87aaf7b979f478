// tally.mjs TALLY ALLOWED: prints "passed failed skipped" of one suite; with CI=true a skip without a listed reason fails.
import { readFileSync } from "node:fs";

const [tallyFile, allowedFile] = process.argv.slice(2);
const text = readFileSync(tallyFile, "utf8");
if (text !== "") {
  const { passed, failed, skipped } = JSON.parse(text);
  const allowed = new Set(readFileSync(allowedFile, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")));
  const strict = process.env.CI === "true";
  const refused = strict ? skipped.filter(({ reason }) => !allowed.has(reason)) : [];
  for (const { test, reason } of skipped) console.error(`SKIPPED ${test}: ${reason || "no reason given"}`);
  for (const { test } of refused) console.error(`FAILED ${test}: skipped in CI for a reason that tests/allowed-skips does not list`);
  console.log(passed, failed + refused.length, skipped.length - refused.length);
}
