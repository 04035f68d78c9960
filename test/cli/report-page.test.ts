import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import type { DayMetrics, Performance } from "@stratctl/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report, Reported } from "../../packages/cli/src/commands/report.ts";
import { reportPage } from "../../packages/cli/src/views/report-page.ts";
import { timelineOf } from "../../packages/cli/src/views/timeline.ts";
import { candlesOf, strategyOf } from "./made-up.ts";

/** The page of `stratctl report --html`, in a real browser, as a file that somebody was sent. */

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((file) => existsSync(file));
if (CHROMIUM === undefined) console.log("without chromium the report's page is not opened: as root on Debian, apt-get install chromium");

const SCREENSHOTS = process.env["STRATCTL_SCREENSHOTS"];
const DAYS = ["2025-07-28", "2025-07-29", "2025-07-30", "2025-07-31", "2025-08-01"];
/** Minutes of a made-up session, of which each is a slot. */
const MINUTES = 75;
const HOSTILE = `<script>document.title="run"</script><img src=https://elsewhere.example/x onerror=alert(1)>"'&\u202E`;

const openOf = (day: string): number => Date.parse(`${day}T09:15:00+05:30`);

/** A strategy's week; `pnl` of a day and its minute, null where nobody marked it. */
function week(
  id: number,
  name: string,
  pnl: (day: number, minute: number) => number | null,
  { tags = ["weekly"], entry_value = 5940 } = {},
): Reported {
  const candles = DAYS.flatMap((day, place) => candlesOf(MINUTES, (minute) => pnl(place, minute), { open_ms: openOf(day), entry_value }));
  const marked = DAYS.filter((_, place) =>
    Array.from({ length: MINUTES }, (__, minute) => pnl(place, minute)).some((value) => value !== null),
  );
  const sessions = marked.map((day) => ({ open_ms: openOf(day), close_ms: openOf(day) + MINUTES * 60_000 }));
  const span = { from_ms: openOf("2025-07-28"), to_ms: openOf("2025-08-02") };
  const closes = DAYS.map((_, place) => pnl(place, MINUTES - 1));
  const days = DAYS.flatMap((metric_date, place): DayMetrics[] => {
    const [cumulative_pnl, before] = [closes[place] ?? null, place === 0 ? 0 : (closes[place - 1] ?? null)];
    if (!marked.includes(metric_date)) return [];
    const day_pnl = cumulative_pnl === null || before === null ? null : Math.round((cumulative_pnl - before) * 100) / 100;
    return [{ ...FIGURES, strategy_id: id, metric_date, day_pnl, cumulative_pnl, realized_pnl: 0, unrealized_pnl: cumulative_pnl }];
  });
  const timeline = timelineOf(candles, { ...span, sessions, interval: "1m" });
  return { strategy: strategyOf({ strategy_id: id, name, tags }), days, overall: OVERALL, timeline, sessions };
}

const RATIOS = { capital_deployed: null, roi_percent: null, sharpe_ratio: null, sortino_ratio: null };
const FIGURES: Omit<DayMetrics, "strategy_id" | "metric_date" | "day_pnl" | "cumulative_pnl" | "realized_pnl" | "unrealized_pnl"> = {
  high_pnl: null,
  low_pnl: null,
  day_drawdown: null,
  open_positions: 4,
  closed_positions: 1,
  total_trades: 8,
  winning_trades: 2,
  losing_trades: 6,
  win_rate: 25,
  profit_factor: 2,
  max_consecutive_losses: 1,
  ...RATIOS,
  max_drawdown: 9000,
  margin_used: null,
};
const OVERALL: Performance["overall"] = {
  session_count: 5,
  total_pnl: null,
  total_trades: 3,
  winning_trades: 2,
  losing_trades: 1,
  win_rate: 66.6667,
  profit_factor: 2,
  max_consecutive_losses: 1,
  ...RATIOS,
  max_drawdown: 2413.75,
};

const wave = (day: number, minute: number): number =>
  Math.round((Math.sin((day * MINUTES + minute) / 23) * 1800 + day * 650 + minute * 4) * 20) / 20;
/** Wednesday is missed from the 20th to the 44th minute but for the 30th, and Friday ends early. */
const gappy = (day: number, minute: number): number | null =>
  (day === 2 && minute >= 20 && minute < 45 && minute !== 30) || (day === 4 && minute > 50) ? null : wave(day, minute) / 2;

const REPORT: Report = {
  accounts: ["XJ4540"],
  from: "2025-07-28",
  to: "2025-08-03",
  strategies: [
    week(7, "Iron condor", wave),
    week(8, HOSTILE, gappy, { tags: ["weekly", "<b>x</b>"] }),
    week(9, "Only loses", (day, minute) => -12_345.5 - day * 40_000 - minute * 310.25, { entry_value: -98_765 }),
    week(10, "Never marked", () => null, { tags: [] }),
  ],
};
const [CONDOR, GAPPY, LOSER, NEVER] = ["#s7", "#s8", "#s9", "#s10"];

describe.skipIf(CHROMIUM === undefined)("the page of a report in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratctl-report-"));
  const file = join(folder, "week.html");
  let browser: Browser;
  beforeAll(async () => {
    writeFileSync(file, reportPage(REPORT, Date.parse("2025-08-02T06:00:00Z")));
    // As root there is no sandbox to be had; the page is our own.
    browser = await chromium.launch({ executablePath: CHROMIUM ?? "", args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  interface Opened {
    readonly page: Page;
    /** What it asked for beside itself, and what the console said. */
    readonly asked: string[];
    readonly complaints: string[];
  }
  async function opened(options: BrowserContextOptions): Promise<Opened> {
    const page = await browser.newPage(options);
    const [asked, complaints]: [string[], string[]] = [[], []];
    await page.route("**/*", (route) => {
      if (route.request().url() === `file://${file}`) return route.continue();
      asked.push(route.request().url());
      return route.abort();
    });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`file://${file}`);
    return { page, asked, complaints };
  }
  const shoot = async (page: Page, name: string): Promise<void> => {
    if (SCREENSHOTS !== undefined) await page.screenshot({ path: join(SCREENSHOTS, `report-${name}.png`), fullPage: true });
  };

  test.for([
    [360, "light"],
    [360, "dark"],
    [1280, "light"],
    [1280, "dark"],
  ] as const)(
    "at %i px, %s: nothing is asked of elsewhere, nothing complains, and nothing is wider than the screen",
    async ([width, colorScheme]) => {
      const { page, asked, complaints } = await opened({ viewport: { width, height: 800 }, colorScheme });
      await shoot(page, `${width}-${colorScheme}`);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const box = "(({ left, right }) => left >= 0 && right <= innerWidth)(element.getBoundingClientRect())";
      expect(
        await page.evaluate(`[...document.querySelectorAll("svg, h2, h3, h4, .chart, .scale, td")].filter((element) => !(${box})).length`),
      ).toBe(0);
      expect([asked, complaints]).toEqual([[], []]);
      await page.close();
    },
  );

  test("ink on paper is dark on light, or light on dark, as the reader's screen is set", async () => {
    const inks = await Promise.all(
      (["light", "dark"] as const).map(async (colorScheme) => {
        const { page } = await opened({ colorScheme });
        const colors = await page.evaluate("(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))");
        await page.close();
        return colors;
      }),
    );
    expect(inks).toEqual([
      ["rgb(27, 29, 33)", "rgb(255, 255, 255)"],
      ["rgb(230, 232, 236)", "rgb(20, 22, 26)"],
    ]);
  });

  test("all is there with scripts off, and a name that is one stays a name", async () => {
    const { page, asked } = await opened({ javaScriptEnabled: false });
    expect(await page.title()).toBe("XJ4540 · Mon 28 Jul 2025 – Sun 3 Aug 2025");
    const name = HOSTILE.replace("\u202E", "·");
    expect(await page.locator(`${GAPPY} h2`).textContent()).toBe(name);
    expect(await page.getByRole("row", { name }).count()).toBe(1);
    expect([await page.locator("script, img").count(), asked]).toEqual([0, []]);
    await page.close();
  });

  test("the tables say what the report does", async () => {
    const { page } = await opened({});
    const rowsOf = async (name: string | RegExp) => {
      const rows = await page.getByRole("region", { name }).getByRole("row").all();
      return Promise.all(rows.map(async (row) => (await row.locator("th, td").allTextContents()).join(" | ")));
    };
    const [lost, gained, halved] = ["-1,95,304.00", "+1,950.70", "—"];
    expect(await rowsOf(/^Strategies$/)).toEqual([
      "Strategy | P&L | trades | won | drawdown | to date | realized to date | unrealized",
      `Iron condor | ${gained} | 3 | 67 % | 2,413.75 | ${gained} | 0.00 | ${gained}`,
      expect.stringMatching(/\| 3 \| 67 % \| 2,413\.75 \|/),
      `Only loses | ${lost} | 3 | 67 % | 2,413.75 | ${lost} | 0.00 | ${lost}`,
      `Never marked | ${halved} | — | — | — | — | — | —`,
    ]);
    expect((await rowsOf("Totals of 3 of 4 strategies: of the others nothing is known")).map((row) => row.split(" | ")[0])).toEqual([
      "",
      "All strategies",
      "tag <b>x</b>",
      "tag weekly",
    ]);
    expect(await page.locator("td .gain", { hasText: gained }).count()).toBe(3);
    await page.close();
  });

  test("charts have a point a slot and one of each day, and what nobody marked is not drawn over", async () => {
    const { page } = await opened({});
    const path = (chart: string, kind = ".line"): Promise<string | null> => page.locator(`${chart} ${kind}`).first().getAttribute("d");
    const moves = (d: string | null, letters: RegExp): number => d?.match(letters)?.length ?? 0;
    expect(moves(await path(CONDOR ?? ""), /[ML]/g)).toBe(5 * MINUTES);
    expect(moves(await path(CONDOR ?? ""), /M/g)).toBe(1);
    const gapped = await path(GAPPY ?? "");
    // Up to the gap and from its end to Friday's; between them a minute alone is a dot.
    const alone = await path(GAPPY ?? "", ".dots");
    expect([moves(gapped, /M/g), moves(gapped, /[ML]/g), moves(alone, /M/g)]).toEqual([2, 5 * MINUTES - 25 - 24, 1]);
    expect(await page.locator(`${GAPPY} .days .axis`).allTextContents()).toEqual(Array.from({ length: 5 }, () => "09:15 – 10:30"));
    expect(moves(await path(`${GAPPY} .days > div:nth-child(3)`), /M/g)).toBe(2);
    expect(moves(await path(LOSER ?? "", ".fall"), /M/g)).toBe(5 * MINUTES);
    expect(await page.locator(`${NEVER} svg`).count()).toBe(0);
    expect(await page.locator(NEVER ?? "").textContent()).toContain("no candles in this period");
    await page.close();
  });

  test("who does not see the charts is told what they say", async () => {
    const { page } = await opened({});
    const names = await page.locator(`${LOSER} svg`).evaluateAll((charts) => charts.map((chart) => chart.getAttribute("aria-label")));
    expect(names.slice(0, 3)).toEqual([
      "P&L of Only loses, Mon 28 Jul 2025 – Sun 3 Aug 2025: -1,95,304.00 to -12,345.50, last -1,95,304.00",
      "Drawdown of Only loses, Mon 28 Jul 2025 – Sun 3 Aug 2025: at most 1,95,304.00",
      "M2M of Only loses on Mon 28 Jul 2025: -86,419.50 to -63,461.00, last -63,461.00",
    ]);
    expect(names).toHaveLength(2 + 5);
    expect(await page.getByRole("img").count()).toBe(3 * 7);
    await page.close();
  });
});
