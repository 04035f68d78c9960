import { expect, test } from "vitest";
import { HTTP_NAMES } from "../../packages/cli/src/settings.ts";
import { HttpSettings } from "../../packages/engine/src/http/settings.ts";

test("the keys http.* of the config file are the settings that the engine has", () => {
  expect([...HTTP_NAMES]).toEqual(Object.keys(HttpSettings.shape));
});
