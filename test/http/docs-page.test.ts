import { existsSync } from "node:fs";
import { fastify } from "fastify";
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mountDocs } from "../../packages/engine/src/http/docs.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { embeddedServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";

/** The page that renders the API for a person, in a real browser. */

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((file) => existsSync(file));
if (CHROMIUM === undefined) console.log("without chromium the page at /docs is not opened: as root on Debian, apt-get install chromium");

/** As behind a proxy that puts the server under a path. */
const PREFIX = "/desk/stratctl";
const app = fastify();
let origin: string;
let fresh: FreshDatabase;
let database: Database;
let api: RunningApi;

beforeAll(async () => {
  fresh = await freshDatabase(await embeddedServer(), MIGRATED);
  database = await openPool(fresh.url);
  api = await startApi({ db: database });
  await app.register(mountDocs, { prefix: PREFIX });
  app.get(`${PREFIX}/accounts`, ({ headers }) => [{ asked_with: headers.authorization }]);
  origin = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app.close();
  await api?.close();
  await database?.close();
  await fresh?.drop();
});

describe.skipIf(CHROMIUM === undefined)("GET /docs in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    // As root there is no sandbox to be had; the page is our own.
    browser = await chromium.launch({ executablePath: CHROMIUM ?? "", args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(() => browser.close());

  test.for(["", PREFIX])(
    'under "%s" shows every group of calls, asks nothing of another host and says nothing on the console',
    async (prefix) => {
      const server = prefix === "" ? api.url : origin;
      const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
      const elsewhere: string[] = [];
      const complaints: string[] = [];
      await page.route("**/*", (route) => {
        const url = route.request().url();
        if (url.startsWith(server) || url.startsWith("data:")) return route.continue();
        elsewhere.push(url);
        return route.abort();
      });
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${server}${prefix}/docs`);
      await page.locator(".opblock-summary-path", { hasText: "/strategies/{strategy_id}/m2m/stream" }).waitFor();
      expect(await page.locator(".opblock").count()).toBeGreaterThan(20);
      expect(await page.locator(".opblock-tag").allInnerTexts()).toEqual(expect.arrayContaining([expect.stringContaining("strategies")]));
      await callOn(page, "POST", "/strategies/{strategy_id}/instruments").locator(".opblock-summary-control").click();
      await page.getByText("Example Value").first().waitFor();
      const folder = process.env["STRATCTL_SCREENSHOTS"];
      if (folder !== undefined) await page.screenshot({ path: `${folder}/docs${prefix.replaceAll("/", "-")}.png` });
      expect(elsewhere).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  test("a token that is typed in goes with a call that is tried out, to this server and under its prefix, and is kept nowhere", async () => {
    const page = await browser.newPage();
    await page.goto(`${origin}${PREFIX}/docs`);
    await page.locator(".btn.authorize").click();
    await page.locator(".auth-container input").fill("aaa.bbb.ccc");
    await page.locator(".auth-btn-wrapper .authorize").click();
    await page.locator(".auth-btn-wrapper .btn-done").click();
    const accounts = callOn(page, "GET", "/accounts");
    await accounts.locator(".opblock-summary-control").click();
    await accounts.locator(".try-out__btn").click();
    const asked = page.waitForRequest(`${origin}${PREFIX}/accounts`);
    await accounts.locator(".execute").click();
    expect((await asked).headers()["authorization"]).toBe("Bearer aaa.bbb.ccc");
    await accounts.locator(".live-responses-table .response").getByText("asked_with").first().waitFor();
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")).toBe('[{},{},""]');
    await page.close();
  });
});

function callOn(page: Page, method: string, path: string): Locator {
  return page.locator(`.opblock-${method.toLowerCase()}`, { has: page.locator(`[data-path="${path}"]`) });
}

test("the server has the page without a token, compressed where asked, and knows it with a slash at its end", async () => {
  const page = await fetch(`${api.url}/docs/`);
  expect([page.status, page.url]).toEqual([200, `${api.url}/docs`]);
  const bundle = await fetch(`${api.url}/docs/swagger-ui-bundle.js`, { headers: { "accept-encoding": "gzip" } });
  expect([bundle.headers.get("content-encoding"), (await bundle.text()).length > 1_000_000]).toEqual(["gzip", true]);
});

describe("GET /docs", () => {
  test("lets the page load from this server alone, and run no script written into it", async () => {
    const { headers, body } = await app.inject(`${PREFIX}/docs`);
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
    expect(headers["content-security-policy"]).not.toMatch(/unsafe|\*|https?:/);
    expect(body).not.toMatch(/<script>|<style>|https?:|\son\w+=/);
  });

  test("with a slash at its end leads to the page", async () => {
    const { statusCode, headers } = await app.inject(`${PREFIX}/docs/`);
    expect([statusCode, new URL(headers.location ?? "", `${origin}${PREFIX}/docs/`).pathname]).toEqual([302, `${PREFIX}/docs`]);
  });

  test("its files are there, whole, each of its kind", async () => {
    const files = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "page.css", "page.js"];
    const answers = await Promise.all(files.map((file) => app.inject(`${PREFIX}/docs/${file}`)));
    expect(answers.map(({ statusCode, headers }) => `${statusCode} ${headers["content-type"]}`)).toEqual([
      "200 text/css; charset=utf-8",
      "200 text/javascript; charset=utf-8",
      "200 image/png",
      "200 text/css; charset=utf-8",
      "200 text/javascript; charset=utf-8",
    ]);
    expect(answers[1]?.body.length).toBeGreaterThan(1_000_000);
  });

  test("no other file of the folder is given away", async () => {
    const paths = ["/docs/package.json", "/docs/../../package.json", "/docs/%2e%2e%2fpackage.json"];
    const answers = await Promise.all(paths.map((url) => app.inject(`${PREFIX}${url}`)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404]);
  });
});
