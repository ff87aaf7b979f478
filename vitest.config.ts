// Two projects: "pure" needs nothing but Node; "netns" needs Linux namespaces, FRR and one worker.
import { defineConfig } from "vitest/config";

const allow = { include: ["src/**/*.test.ts", "tests/pure/**/*.test.ts"] };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "pure",
          include: allow.include,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "netns",
          include: ["tests/netns/**/*.test.ts"],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "interop",
          include: ["tests/interop/**/*.test.ts"],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "docker",
          include: ["tests/docker/**/*.test.ts"],
          globalSetup: ["tests/docker/engine.ts"],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "uml",
          include: ["tests/uml/**/*.test.ts"],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
