import { expect, test } from "vitest";
import { StratctlError } from "./errors.ts";

test("a control character that somebody gave is shown in the line, and does nothing to the terminal that shows it", () => {
  expect(new StratctlError("account_unknown", 'no account "\u{1b}[2J\u{9b}31m\0"').message).toBe(
    'no account "\\u001b[2J\\u009b31m\\u0000"',
  );
  expect(new StratctlError("internal", "two\nlines: औसत ₹ 📈").message).toBe("two\nlines: औसत ₹ 📈");
});
