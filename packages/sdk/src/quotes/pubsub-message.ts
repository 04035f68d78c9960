import { instantOf, isMock, isRecord, tellPrice } from "./price.ts";
import type { RefusedFor } from "./tally.ts";

/** What a message says: of which instrument, by its names or its token, and a price with its time, or why it is none. */
export interface Told {
  readonly instruments: readonly string[];
  readonly instrument_token: number | null;
  readonly is_mock: boolean;
  readonly said: Price | Refusal | typeof MISSING;
}

interface Price {
  readonly price_units: number;
  /** Null where the message has no time. */
  readonly at_ms: number | null;
  readonly rounded: boolean;
}

interface Refusal {
  readonly why: string;
  readonly reason: RefusedFor | undefined;
}

/** The feed sends 0.0 where it has no price: that is none, and no fault. */
export const MISSING = "missing";

/** Names of indices as a feed writes them, and as instruments do. */
const INDICES: Readonly<Record<string, string>> = {
  NIFTY: "NSE:NIFTY 50",
  BANKNIFTY: "NSE:NIFTY BANK",
  FINNIFTY: "NSE:NIFTY FIN SERVICE",
  MIDCPNIFTY: "NSE:NIFTY MID SELECT",
  NIFTYNXT50: "NSE:NIFTY NEXT 50",
  SENSEX: "BSE:SENSEX",
  BANKEX: "BSE:BANKEX",
};

/**
 * Reads a message as a ticker service publishes it: a contract (`tradingsymbol`, `exchange` or `segment`, `token`, `price`,
 * `ts`, `is_mock`), or an underlying by its `symbol` (`last_price` and `timestamp`, or a bar whose `close` is the last price,
 * and `ts`). Null where it is neither.
 */
export function readMessage(text: string): Told | null {
  const body = parsed(text);
  if (body === null) return null;
  const named = typeof body["tradingsymbol"] === "string" && body["tradingsymbol"] !== "";
  const instruments = named ? contractOf(body) : underlyingOf(body);
  const instrument_token = tokenOf(body["token"]) ?? tokenOf(body["instrument_token"]);
  if (instruments.length === 0 && instrument_token === null) return null;
  const price = named ? (body["price"] ?? body["last_price"]) : (body["last_price"] ?? body["price"] ?? body["close"]);
  const at_ms = instantOf(body["ts"]) ?? instantOf(body["timestamp"]);
  return { instruments, instrument_token, is_mock: isMock(body), said: priceOf(price, at_ms) };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) ? body : null;
  } catch {
    return null;
  }
}

/** `NFO:NIFTY26N1724500CE`; the exchange is the first part of the segment (`NFO-OPT`) where it is not told itself. */
function contractOf({ exchange, segment, tradingsymbol }: Record<string, unknown>): string[] {
  const of_segment = typeof segment === "string" ? segment.split("-")[0] : undefined;
  const market = typeof exchange === "string" && exchange !== "" ? exchange : of_segment;
  return market === undefined || market === "" ? [] : [`${market}:${String(tradingsymbol)}`.toUpperCase()];
}

/** An index by the name that instruments have for it, and whatever else by its symbol on the NSE. */
function underlyingOf({ symbol }: Record<string, unknown>): string[] {
  if (typeof symbol !== "string" || symbol.trim() === "") return [];
  const name = symbol.trim().toUpperCase();
  if (name.includes(":")) return [name];
  const index = INDICES[name];
  return index === undefined ? [`NSE:${name}`] : [index, `${index.slice(0, 3)}:${name}`];
}

function tokenOf(value: unknown): number | null {
  const token = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof token === "number" && Number.isSafeInteger(token) && token > 0 ? token : null;
}

function priceOf(price: unknown, at_ms: number | null): Told["said"] {
  if (price === undefined || price === null || Number(price) === 0) return MISSING;
  let said: Told["said"] = { why: "its price is neither a number nor a text", reason: undefined };
  if (typeof price !== "number" && typeof price !== "string") return said;
  tellPrice(
    {
      quote: (_, price_units, at, rounded = false) => (said = { price_units, at_ms: at, rounded }),
      refused: (_, why, reason) => (said = { why, reason }),
      absent: () => undefined,
    },
    0,
    String(price).trim(),
    at_ms,
  );
  return said;
}
