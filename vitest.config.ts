import path from "node:path";
import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/sequence.ts";

// Workers inherit it, and the hundreds of processes that tests start: all load the same files.
process.env["NODE_COMPILE_CACHE"] ??= path.join(import.meta.dirname, "node_modules", ".cache", "node-compile");

export default defineConfig({
  test: {
    projects: [
      // Files beside what they test leave nothing behind in their process: the next one finds its modules loaded.
      { extends: true, test: { name: "packages", include: ["packages/*/src/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "whole", include: ["test/**/*.test.ts", "demo/**/*.test.ts"] } },
    ],
    globalSetup: "test/support/lend.ts",
    sequence: { sequencer: LongFirst },
    // On two cores: many a file waits for a clock, a server or a process more than it computes.
    maxWorkers: 3,
    // A deadline that only a hang reaches: a test that is merely slow on a loaded machine is no fault.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globals: false,
    // Neither UTC nor the exchange's zone, and with daylight saving: what leans on the machine's zone by accident fails.
    env: { TZ: "America/St_Johns" },
  },
});
