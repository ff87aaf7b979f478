// Vitest reporter for scripts/test: one line per file, failures in full, and a tally that the script adds up.
// The tally goes to the file named by TESTBED_TALLY: {passed, failures: [test], skipped: [{test, reason}]}.
import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message?: string; stack?: string }[]): void {
    const skipped: { test: string; reason: string }[] = [];
    const failures: string[] = [];
    let passed = 0;
    for (const module of modules) {
      const name = module.relativeModuleId;
      const counts = { passed: 0, failed: 0, skipped: 0 };
      for (const problem of module.errors()) {
        counts.failed++;
        failures.push(name);
        console.log(`FAILED ${name}: ${problem.stack ?? problem.message}`);
      }
      for (const suite of module.children.allSuites()) {
        for (const problem of suite.errors()) {
          counts.failed++;
          failures.push(`${name} > ${suite.fullName}`);
          console.log(`FAILED ${name} > ${suite.fullName}: ${problem.stack ?? problem.message}`);
        }
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "pending") continue;
        counts[result.state]++;
        if (result.state === "failed") {
          failures.push(`${name} > ${test.fullName}`);
          print(name, test);
        }
        if (result.state === "skipped") skipped.push({ test: `${name} > ${test.fullName}`, reason: result.note ?? "" });
      }
      const seconds = (module.diagnostic().duration / 1000).toFixed(1);
      console.log(
        `  ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)`,
      );
      passed += counts.passed;
    }
    for (const problem of unhandled) {
      failures.push("outside any test");
      console.log(`FAILED outside any test: ${problem.stack ?? problem.message}`);
    }
    const tally = process.env.TESTBED_TALLY;
    if (tally !== undefined) writeFileSync(tally, JSON.stringify({ passed, failures, skipped }));
  }
}

function print(module: string, test: TestCase): void {
  console.log(`FAILED ${module} > ${test.fullName}`);
  for (const problem of test.result().errors ?? []) {
    console.log(problem.stack ?? problem.message);
    if (problem.diff !== undefined) console.log(problem.diff);
  }
}
