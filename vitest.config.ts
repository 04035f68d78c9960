import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "demo/**/*.test.ts"],
    globalSetup: "test/support/lend.ts",
    // Real servers are started by the tests, each with processes of its own: two files at a time is what two cores carry.
    maxWorkers: 2,
    // A deadline that only a hang reaches: a test that is merely slow on a loaded machine is no fault.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globals: false,
    // Neither UTC nor the exchange's zone, and with daylight saving: what leans on the machine's zone by accident fails.
    env: { TZ: "America/St_Johns" },
  },
});
