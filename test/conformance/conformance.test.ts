import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contract, StratctlError, type Contract } from "../../packages/sdk/src/index.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";
import { ACCOUNTS_AND_STRATEGIES } from "./accounts-strategies.ts";
import { FILLS } from "./fills.ts";
import { DOORS, type Door } from "./doors.ts";
import { INSTRUMENTS } from "./instruments.ts";
import { LEGS_AND_HISTORY, PRICES } from "./legs-history.ts";
import { METRICS } from "./metrics.ts";
import { STREAMS_REFUSED } from "./streams-refused.ts";
import { lasting, Refusal, type Step, type World } from "./world.ts";

/** One script of calls through three doors: whoever writes against one may change to another and notices nothing. */

const STEPS: readonly Step[] = [...ACCOUNTS_AND_STRATEGIES, ...LEGS_AND_HISTORY, ...FILLS, ...METRICS, ...INSTRUMENTS, ...STREAMS_REFUSED];
/** What each door told, step by step, without what is of the moment. */
const transcripts = new Map<string, { readonly call: string; readonly what: string; readonly told: unknown }[]>();

let ticker: Ticker;
beforeAll(async () => {
  ticker = await startTicker(PRICES);
});
afterAll(() => ticker[Symbol.asyncDispose]());

describe.for(DOORS)("the Api through %s", ([name, open]) => {
  let door: Door;
  let world: World;
  beforeAll(async () => {
    door = await open(ticker);
    world = { api: await door.open(), other: await door.open("ZZ0001"), database: door.database, ticker, ids: new Map() };
    transcripts.set(name, []);
  });
  afterAll(async () => {
    await Promise.all([world?.api.close(), world?.other.close()]);
    await door?.close();
  });

  test.for(STEPS.map((step) => [step.call, step.what, step] as const))("%s: %s", async ([call, what, { run, tells, keep }]) => {
    const told: unknown = await run(world, (kept) => world.ids.get(kept) ?? Number.NaN).catch((error: unknown) => error);
    transcripts.get(name)?.push({ call, what, told: lasting(shown(told), door.caller) });
    if (tells instanceof Refusal) {
      expect(told).toBeInstanceOf(StratctlError);
      expect(told).toMatchObject({ code: tells.code, message: expect.stringContaining(tells.message) });
      return;
    }
    if (told instanceof Error) throw told;
    if (tells === null) expect(told).toBeNull();
    else expect(told).toMatchObject(Object(tells));
    if (keep !== undefined) world.ids.set(keep, idOf(told));
  });

  test("a call that is given up ends with its signal's reason", async () => {
    const reason = new Error("enough");
    await expect(world.api.accounts.list({}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("all doors", () => {
  test("told the same, word for word", () => {
    const [first, ...rest] = [...transcripts.values()];
    expect(first).toHaveLength(STEPS.length);
    expect(rest).toHaveLength(DOORS.length - 1);
    for (const transcript of rest) expect(transcript).toEqual(first);
  });

  test("were asked for every call, and every code that it documents", () => {
    const seen = new Set(STEPS.map(({ call, tells }) => `${call} ${tells instanceof Refusal ? tells.code : "answers"}`));
    const unseen = linesOf(contract).flatMap(({ call, codes }) =>
      ["answers", ...codes].map((code) => `${call} ${code}`).filter((pair) => !seen.has(pair)),
    );
    // Only a token can be refused an account; a key in use takes two calls at once; streams that go on have a suite of their own.
    const elsewhere = / (account_forbidden|idempotency_in_use)$|\.stream answers$/;
    // Of a strategy's own account nothing is asked.
    const ofStrategy = / account_required$/;
    expect(unseen.filter((pair) => !elsewhere.test(pair) && !ofStrategy.test(pair))).toEqual([]);
  });

  test("refused with no code that a call does not document, but those that every call may give", () => {
    const documented = new Map(linesOf(contract).map(({ call, codes }) => [call, new Set(codes)]));
    const refused = STEPS.flatMap(({ call, tells }) => (tells instanceof Refusal ? [{ call, code: tells.code }] : []));
    const strange = refused.filter(({ call, code }) => code !== "input_invalid" && documented.get(call)?.has(code) !== true);
    expect(strange).toEqual([]);
  });
});

function linesOf(lines: Contract, names: readonly string[] = []): { call: string; codes: readonly string[] }[] {
  return Object.entries(lines).flatMap(([name, line]) => {
    if (typeof line["kind"] !== "string") return linesOf(Object(line), [...names, name]);
    return [{ call: [...names, name].join("."), codes: Object(line).errors }];
  });
}

/** An error as plain data, with its class. */
function shown(told: unknown): unknown {
  if (told instanceof StratctlError) return { class: told.constructor.name, ...told.toJSON(), exit: told.exit };
  return told instanceof Error ? { class: told.constructor.name, message: told.message } : told;
}

function idOf(told: unknown): number {
  const { id, strategy_id }: { id?: number; strategy_id?: number } = Object(told);
  return id ?? strategy_id ?? Number.NaN;
}
