import { HINTS } from "../../errors.ts";

/** What the document says of a field, the same wherever it appears: one name is one thing. */
export interface Words {
  readonly description: string;
  readonly example?: unknown;
}

const NOT_KNOWN = "null where that is not known";

/** By the field's name, or `Strategy.status` where a name means something else in one place. */
const WORDS: Readonly<Record<string, Words>> = {
  account_id: { description: "A trading account, by the broker's user id or an alias.", example: "XJ4540" },
  account_name: { description: "What a person calls the account.", example: "Family" },
  aliases: { description: "Other ids by which callers may name the account.", example: ["1042"] },
  broker: { description: "Where the account is held.", example: "zerodha" },
  is_active: { description: "False: kept for its history." },

  strategy_id: { description: "A strategy.", example: 42 },
  strategy: { description: "A strategy's id, or its whole name in any case.", example: "Iron condor" },
  name: { description: "What a person calls the strategy; digits alone are no name, since those are ids.", example: "Iron condor" },
  description: { description: "What a person says about the strategy.", example: "Weekly, closed on Thursdays" },
  tags: { description: "Words to find it by; each once.", example: ["weekly"] },
  strategy_type: { description: "Who trades it: a person or a program.", example: "manual" },
  status: { description: "Archived strategies are not marked; their history stays.", example: "active" },
  is_default: { description: "True for the account's catch-all, which can be neither renamed nor archived." },
  instrument_count: { description: "Open legs.", example: 4 },
  total_capital_deployed: { description: "Rupees put in, as somebody told; null where nobody did.", example: 250000 },
  total_margin_used: { description: "Margin in rupees, as somebody told; null where nobody did.", example: 180000 },
  current_m2m: { description: "M2M in rupees by the latest mark (P&L where `http.m2m_basis` is pnl); null without one.", example: -1500 },
  marked_at: { description: "The instant of the latest mark; null where there was never one." },
  created_by: { description: "Whose token made the strategy; null where it was made without one.", example: "user:7" },
  archived_at: { description: "When the strategy was archived; null while it is active.", example: null },
  legs: { description: "The strategy's legs, where they were asked for." },

  id: { description: "The leg; `instrument_id` in paths.", example: 7 },
  instrument_id: { description: "A leg of the strategy, by its `id`.", example: 7 },
  instrument: { description: "Exchange and tradingsymbol.", example: "NFO:NIFTY25N0424500CE" },
  exchange: { description: "Left out of a request: the one that the symbol tells.", example: "NFO" },
  tradingsymbol: {
    description: "The exchange's name of the contract; in a request its exchange may stand before it.",
    example: "NIFTY25N0424500CE",
  },
  instrument_token: { description: `The broker's number of the instrument; ${NOT_KNOWN}.`, example: null },
  instrument_type: { description: `Call, put, future or share; ${NOT_KNOWN}.`, example: "CE" },
  strike: { description: "Strike in rupees; null for what has none.", example: 24500 },
  expiry: { description: "The day the contract ends; null for what does not end.", example: "2025-11-04" },
  underlying_symbol: { description: `What the contract is on; ${NOT_KNOWN}.`, example: "NIFTY" },
  direction: { description: "BUY pays the price, SELL receives it; taken in any case.", example: "SELL" },
  quantity: { description: "Units, never lots.", example: 75 },
  lots: { description: "Lots, instead of `quantity`: of `lot_size`, or of the exchange's lot for the contract's month.", example: 1 },
  lot_size: { description: "Units in one lot, for display: it enters no sum.", example: 75 },
  entry_price: { description: "Rupees a unit; left out of a new leg, the current quote.", example: 101.55 },
  cost: { description: "entry_price × quantity, in rupees.", example: 7616.25 },
  exit_price: { description: "Rupees a unit that the leg was closed at; left out of a request, the current quote.", example: 84.2 },
  closed_at: { description: "When the leg was closed; null while it is open." },
  current_price: { description: "The last price kept for an open leg, rupees a unit.", example: 96.4 },
  current_price_at: { description: "When that price was made." },
  current_pnl: { description: "Profit or loss in rupees, at the last prices known.", example: 386.25 },
  notes: { description: "What a person says about the leg.", example: "hedge" },
  added_at: { description: "When the leg was added: it counts from the next minute on." },

  timestamp: { description: "The start of the interval.", example: "2025-11-04T04:30:00Z" },
  open: { description: "The first M2M of the interval in rupees, or P&L where `basis` is pnl.", example: -1500 },
  high: { description: "The highest of the same.", example: -1320.5 },
  low: { description: "The lowest of the same.", example: -1610 },
  close: { description: "The last of the same.", example: -1402.25 },
  pnl_open: { description: "The first P&L of the interval, in rupees.", example: 1500 },
  pnl_high: { description: "The highest P&L.", example: 1610 },
  pnl_low: { description: "The lowest P&L.", example: 1320.5 },
  pnl_close: { description: "The last P&L.", example: 1402.25 },
  entry_value: { description: "Σ(entry_price × quantity × direction) over the open legs, SELL = +1, BUY = −1; rupees.", example: 0 },
  realized_pnl: { description: "P&L of what is closed, in rupees.", example: 0 },
  unrealized_pnl: { description: "P&L of what is open, entry_value − m2m, in rupees.", example: 1500 },
  m2m: { description: "Σ(price × quantity × direction) over the open legs in rupees; null unless every one is priced.", example: -1500 },
  pnl: { description: "realized_pnl + unrealized_pnl, in rupees.", example: 1500 },
  first_minute: { description: "The first minute without a candle, by its start.", example: "2025-11-04T06:12:00Z" },
  last_minute: { description: "The last one.", example: "2025-11-04T06:14:00Z" },
  minutes: { description: "Minutes from the first to the last.", example: 3 },
  minute_count: { description: "Minutes of the interval that have a candle.", example: 1 },
  sample_count: { description: "Seconds sampled.", example: 60 },
  stale_count: { description: "The most legs with a stale price at any sample.", example: 0 },
  oldest_age_ms: { description: "The age of the oldest price among the legs, in milliseconds.", example: 950 },
  sampled: {
    description: "Bit n, in 15 hex digits: second n of the minute was sampled; null for a longer interval.",
    example: "fffffffffffffff",
  },
  first_at: { description: "The first sample." },
  last_at: { description: "The last sample." },
  source: { description: "How the candle was made; null where a longer interval mixes several.", example: "live" },
  priced: { description: "Legs that had a price.", example: 4 },
  stale: { description: "Of those, legs whose price was older than a minute.", example: 0 },
  reason: { description: "Why a value is null or there is no candle, naming the instruments; null where there is nothing to explain.", example: null },

  at: { description: "The instant that this is true of." },
  age_ms: { description: "How old that was when it was read, in milliseconds.", example: 120 },
  price: { description: "Rupees a unit; null with a reason where unknown.", example: 101.55 },
  "Quote.source": { description: "Which source told the price.", example: "redis" },
  created_at: { description: "When it was made.", example: "2025-11-03T03:45:00Z" },
  updated_at: { description: "When somebody last edited it.", example: "2025-11-03T03:45:00Z" },

  include: { description: "`legs`: with its legs, open ones first.", example: "legs" },
  tag: { description: "Only strategies with this tag.", example: "weekly" },
  search: { description: "A part of the name or the description, in any case.", example: "condor" },
  limit: { description: "The first so many; left out, all.", example: 100 },
  cursor: { description: "The strategy_id of the last one seen: those after it. The Link header has it.", example: 42 },
  now: { description: "true: ask the sources for prices now; false: the latest mark that the engine wrote.", example: false },
  from_time: {
    description:
      "Candles from this instant on: ISO 8601 with its zone (a plus sign as %2B), epoch seconds or milliseconds. Left out: the open of the exchange's day.",
    example: "2025-11-04T03:45:00Z",
  },
  to_time: { description: "Candles up to this instant, in the same forms. Left out: now.", example: "2025-11-04T10:00:00Z" },
  day: { description: "The exchange's day, instead of from_time and to_time.", example: "2025-11-04" },
  interval: { description: "Left out: 1m.", example: "5m" },
  basis: { description: "What open, high, low and close are of. Left out: m2m, unless `http.m2m_basis` says otherwise.", example: "m2m" },
  i: { description: "An instrument; give the name several times for several, 500 at most.", example: ["NFO:NIFTY25N0424500CE"] },

  type: { description: "What kind of problem this is, as a URI.", example: "urn:stratctl:error:strategy_unknown" },
  title: { description: "The HTTP status in words.", example: "Not Found" },
  "Problem.status": { description: "The HTTP status.", example: 404 },
  detail: { description: "One readable line.", example: "no strategy 42" },
  code: { description: "What a program switches on.", example: "strategy_unknown" },
  hint: { description: "What to do about it.", example: HINTS.strategies.call },
  errors: { description: "Every bad field of path, query and body." },
  field: { description: "`quantity`; `legs.0.quantity` within a list.", example: "quantity" },
  message: { description: "What is wrong with it, with its value.", example: "quantity must be a whole number above 0, not 0" },
  details: { description: "Values at hand: the candidates, the accounts there are." },
  request_id: { description: "As in the X-Request-ID header and the server's log.", example: "01JD0V5V3Q8Z" },
  from: { description: "Nothing is known after this instant …", example: "2025-11-04T04:30:00Z" },
  to: { description: "… and before this one.", example: "2025-11-04T04:31:00Z" },
};

/** Null where nobody wrote any. */
export function wordsFor(owner: string, field: string): Words | null {
  return WORDS[`${owner}.${field}`] ?? WORDS[field] ?? null;
}
