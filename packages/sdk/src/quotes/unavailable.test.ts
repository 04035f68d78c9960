import { expect, test } from "vitest";
import { reasonOf, secretsOf, unavailable } from "./unavailable.ts";

const fault = (code: string, message = "as the library puts it"): Error => Object.assign(new Error(message), { code });

test.each([
  [fault("ECONNREFUSED"), "connection refused"],
  [fault("ENOTFOUND"), "name not found"],
  [new Error("fetch failed", { cause: fault("ECONNRESET") }), "connection cut"],
  [fault("EWEIRD", "something else"), "something else"],
  [new Error("NOAUTH Authentication required."), "NOAUTH Authentication required."],
  [unavailable("redis", "no answer"), "no answer"],
  ["thrown text", "no answer"],
])("%s: %s", (error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});

test("a password that a library's text holds is not in the reason, as it is or as the URL writes it", () => {
  const secrets = secretsOf("redis://desk:p%40ss@localhost");
  expect(reasonOf(new Error("AUTH p@ss failed at redis://desk:p%40ss@localhost"), secrets)).toBe(
    "AUTH *** failed at redis://desk:***@localhost",
  );
  expect(reasonOf(new Error("AUTH failed"), secretsOf("redis://localhost"))).toBe("AUTH failed");
  expect(secretsOf("/run/redis.sock")).toEqual([]);
});
