// The conformance tests with one mutant or altered rule in force (rows.ts): sources are patched as they are loaded.
import { defineConfig } from "vitest/config";
import { mutants } from "./mutants.js";
import { patched, root, sourceName } from "./patch.js";
import { rules } from "./rules.js";

const name = process.env["MUTANT"] ?? "";
const altered = [...mutants, ...rules].find((candidate) => candidate.name === name);
if (altered === undefined && name !== "") throw new Error(`No mutant or rule "${name}"`);

export default defineConfig({
  root,
  plugins: [
    {
      name: "mutant",
      enforce: "pre",
      transform: (code, id) => {
        const source = sourceName(id);
        return source === undefined || altered === undefined
          ? undefined
          : { code: patched(source, code, altered.patches), map: null };
      },
    },
  ],
  test: { include: ["src/**/*.test.ts", "tests/pure/**/*.test.ts"], testTimeout: 15_000 },
});
