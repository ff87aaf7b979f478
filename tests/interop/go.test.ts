// The tests of interop/ itself, which Go runs: encodings against the vectors of a real channel, log templates against the
// module's source, and the library's surprises on the library.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withGo } from "../netns/with-go.js";

/** The first time everything is compiled. */
const goTestMsMax = 400_000;
/** Of one package, compiled: beyond it Go says where each goroutine is. Half a minute is usual. */
const packageSecondsMax = 200;

withGo(() => {
  test("go test ./...", { timeout: goTestMsMax }, () => {
    const folder = join(import.meta.dirname, "..", "..", "interop");
    const { status, stdout, stderr } = spawnSync("go", ["test", `-timeout=${packageSecondsMax}s`, "./..."], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(status, `${stdout}\n${stderr}`).toBe(0);
  });
});
