import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { contract, ERRORS, openApi } from "@stratctl/sdk/internal";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { operationsOf, type Operation } from "./document.ts";

/** The document that describes the REST API: complete, and such as tools read it. */

const require = createRequire(import.meta.url);
const document = openApi(contract, { version: "1.2.3", health: z.object({ status: z.string() }) });
const operations = operationsOf(document);
const named = (name: string): Operation => {
  const found = operations.find(({ operationId }) => operationId === name);
  if (found === undefined) throw new Error(`no operation ${name}`);
  return found;
};

describe("the OpenAPI document", () => {
  test("keeps redocly's recommended rules, without a warning", async () => {
    expect(await lint(document)).toEqual([]);
  });

  test("is really looked at by redocly", async () => {
    const broken = { ...document, security: [{ nobody: [] }], servers: [] };
    expect(await lint(broken)).toEqual(expect.arrayContaining(["no-empty-servers", "security-defined"]));
  });

  test("has every call of the contract at its method and path, and nothing else but what the server answers beside it", () => {
    const routes = linesOf(contract, []);
    const own = ["GET /health", "GET /live", "GET /metrics", "GET /openapi.json"];
    const documented = operations.map(({ method, path: at }) => `${method} ${at}`);
    expect(documented.toSorted()).toEqual([...routes.map(({ line }) => line), ...own].toSorted());
    expect(operations.map(({ operationId }) => operationId)).toEqual(expect.arrayContaining(routes.map(({ name }) => name)));
  });

  test("says of each error that a call may give under which status it comes", () => {
    const statuses = named("strategies.legs.add").responses;
    for (const code of [
      "strategy_unknown",
      "strategy_archived",
      "quote_missing",
      "input_invalid",
      "token_required",
      "account_forbidden",
    ] as const) {
      expect(JSON.stringify(statuses[ERRORS[code].http])).toContain(`"${code}"`);
    }
    expect(JSON.stringify(statuses)).not.toContain('"strategy_default"');
  });

  test("describes every field of every answer and of every body, and every parameter", () => {
    const { components, paths } = z.object({ components: z.unknown(), paths: z.unknown() }).parse(document);
    expect(wordless(components, "")).toEqual([]);
    expect(wordless(paths, "")).toEqual([]);
    for (const { operationId, parameters } of operations) {
      for (const { name, description } of parameters) expect(description, `${operationId}: ${name}`).toBeTruthy();
    }
  });

  test("has numbers as JSON takes them: no bound is that of a double, and units are whole", () => {
    expect(JSON.stringify(document)).not.toContain(String(Number.MAX_SAFE_INTEGER));
    const body = JSON.stringify(named("strategies.legs.add").requestBody);
    expect(body).toContain('"quantity":{"type":"integer","minimum":1,"maximum":2147483647');
    expect(body).toContain('"entry_price":{"type":"number","maximum":500000000000,"exclusiveMinimum":0');
  });

  test("asks a token of every call but those that tell of the server", () => {
    const open = operations.filter(({ security }) => security?.length === 0).map(({ path: at }) => at);
    expect(open.toSorted()).toEqual(["/health", "/live", "/metrics", "/openapi.json"]);
  });

  test("tells of streams as events, of keys that repeat nothing, and of where a page goes on", () => {
    expect(Object.keys(named("marks.stream").responses["200"]?.content ?? {})).toEqual(["text/event-stream"]);
    expect(named("strategies.m2m.stream").parameters.map(({ name }) => name)).toContain("Last-Event-ID");
    expect(named("strategies.legs.add").parameters.map(({ name }) => name)).toContain("Idempotency-Key");
    expect(named("strategies.archive").parameters.map(({ name }) => name)).not.toContain("Idempotency-Key");
    expect(Object.keys(named("strategies.list").responses["200"]?.headers ?? {})).toContain("Link");
  });
});

/** The rules that redocly finds broken. */
async function lint(given: object): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-openapi-"));
  try {
    const file = path.join(folder, "openapi.json");
    await writeFile(file, JSON.stringify(given));
    const redocly = path.join(path.dirname(require.resolve("@redocly/cli/package.json")), "bin", "cli.js");
    const { stdout, stderr } = spawnSync(process.execPath, [redocly, "lint", file, "--extends", "recommended", "--format", "json"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
    });
    const report = /^\{[\s\S]*^\}/m.exec(stdout)?.[0];
    if (report === undefined) throw new Error(`redocly told nothing: ${stderr}`);
    const { problems } = z.object({ problems: z.array(z.object({ ruleId: z.string() })) }).parse(JSON.parse(report));
    return problems.map(({ ruleId }) => ruleId);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const Line = z.object({ method: z.string(), path: z.string() });

function linesOf(lines: object, within: readonly string[]): { name: string; line: string }[] {
  return Object.entries(lines).flatMap(([key, line]: [string, object]) => {
    const route = Line.safeParse(line).data;
    const name = [...within, key];
    return route === undefined ? linesOf(line, name) : [{ name: name.join("."), line: `${route.method} ${route.path}` }];
  });
}

/** Where a schema has a field without a word about it. An event's fields and a problem's narrowed ones are told elsewhere. */
function wordless(value: unknown, place: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
    const here = `${place}/${key}`;
    const isTold = /Health|allOf|oneOf/.test(here);
    const fields = key === "properties" && !isTold ? Object.entries(z.record(z.string(), z.looseObject({})).parse(entry)) : [];
    const missing = fields.filter(([, schema]) => schema["description"] === undefined).map(([field]) => `${here}/${field}`);
    return [...missing, ...wordless(entry, here)];
  });
}
