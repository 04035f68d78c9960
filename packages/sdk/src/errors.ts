/** What a code means to a shell, to HTTP and to a caller that may try again: decided here and nowhere else. */
interface Meaning {
  readonly exit: number;
  readonly http: number;
  /** True where the same call may succeed later without being changed. */
  readonly retry: boolean;
}

/**
 * Exit statuses: 1 a fault of ours, 2 bad input, 3 refused by the state of things, 4 not found, 5 database, 6 prices,
 * 7 the server, 8 refused to whoever asks, 130 interrupted.
 */
export const ERRORS = {
  internal: { exit: 1, http: 500, retry: false },
  input_invalid: { exit: 2, http: 400, retry: false },
  instrument_invalid: { exit: 2, http: 400, retry: false },
  money_too_large: { exit: 2, http: 422, retry: false },
  lot_size_unknown: { exit: 2, http: 422, retry: false },
  account_required: { exit: 2, http: 400, retry: false },
  confirmation_required: { exit: 2, http: 400, retry: false },
  recording_invalid: { exit: 2, http: 400, retry: false },
  file_unusable: { exit: 2, http: 400, retry: false },
  url_invalid: { exit: 2, http: 400, retry: false },
  body_too_large: { exit: 2, http: 413, retry: false },
  media_type_unsupported: { exit: 2, http: 415, retry: false },
  not_acceptable: { exit: 2, http: 406, retry: false },
  account_exists: { exit: 3, http: 409, retry: false },
  strategy_exists: { exit: 3, http: 409, retry: false },
  strategy_ambiguous: { exit: 3, http: 409, retry: false },
  strategy_default: { exit: 3, http: 409, retry: false },
  strategy_archived: { exit: 3, http: 409, retry: false },
  leg_closed: { exit: 3, http: 409, retry: false },
  leg_has_fills: { exit: 3, http: 409, retry: false },
  fill_exists: { exit: 3, http: 409, retry: false },
  import_differs: { exit: 3, http: 409, retry: false },
  idempotency_conflict: { exit: 3, http: 409, retry: false },
  idempotency_in_use: { exit: 3, http: 409, retry: true },
  leadership_held: { exit: 3, http: 409, retry: false },
  leadership_lost: { exit: 3, http: 503, retry: true },
  account_unknown: { exit: 4, http: 404, retry: false },
  strategy_unknown: { exit: 4, http: 404, retry: false },
  leg_unknown: { exit: 4, http: 404, retry: false },
  instrument_unknown: { exit: 4, http: 404, retry: false },
  profile_unknown: { exit: 4, http: 404, retry: false },
  route_unknown: { exit: 4, http: 404, retry: false },
  method_unknown: { exit: 4, http: 405, retry: false },
  database_unreachable: { exit: 5, http: 503, retry: true },
  database_refused: { exit: 5, http: 503, retry: false },
  database_behind: { exit: 5, http: 503, retry: false },
  database_newer: { exit: 5, http: 503, retry: false },
  database_foreign: { exit: 5, http: 503, retry: false },
  embedded_unavailable: { exit: 5, http: 503, retry: false },
  embedded_version: { exit: 5, http: 503, retry: false },
  quote_missing: { exit: 6, http: 422, retry: true },
  source_unavailable: { exit: 6, http: 503, retry: true },
  server_unreachable: { exit: 7, http: 503, retry: true },
  server_busy: { exit: 7, http: 503, retry: true },
  answer_invalid: { exit: 7, http: 503, retry: false },
  address_in_use: { exit: 7, http: 503, retry: false },
  rate_limited: { exit: 7, http: 429, retry: true },
  token_required: { exit: 8, http: 401, retry: false },
  token_invalid: { exit: 8, http: 401, retry: false },
  scope_missing: { exit: 8, http: 403, retry: false },
  account_forbidden: { exit: 8, http: 403, retry: false },
  interrupted: { exit: 130, http: 503, retry: true },
} as const satisfies Record<string, Meaning>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorParts {
  /** What to do about it, one line. */
  readonly hint?: string | undefined;
  /** The values at hand, as plain data: every bad field, the candidates, the file and line. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The one error that leaves the SDK. Switch on `code`, never on the text.
 *
 * @example
 * import { connect, StratctlError } from "@stratctl/sdk";
 *
 * await using stratctl = await connect();
 * try {
 *   await stratctl.strategies.archive({ strategy_id: 1 });
 * } catch (error) {
 *   if (!(error instanceof StratctlError)) throw error;
 *   console.log(error.code, error.exit); // strategy_default 3
 * }
 */
export class StratctlError extends Error {
  override readonly name = "StratctlError";
  readonly code: ErrorCode;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(visible(message), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = code;
    this.hint = parts.hint ?? null;
    this.details = parts.details ?? {};
  }

  /** The exit status that a command ends with. */
  get exit(): number {
    return ERRORS[this.code].exit;
  }

  toJSON(): { code: ErrorCode; message: string; hint: string | null; details: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }
}

/**
 * What to do, where the API and the command line call it by different names: decided here and nowhere else. An error carries
 * `call`, the same in process and over HTTP; who types commands is shown `command`, with the error's details in its braces.
 */
export const HINTS = {
  account: { call: "name one with account_id", command: "name one with --account or STRATCTL_ACCOUNT" },
  account_add: { call: "POST /accounts adds one", command: "add one: stratctl account add XJ4540" },
  accounts: { call: "GET /accounts lists those there are", command: "stratctl account list shows those there are" },
  accounts_own: { call: "GET /accounts lists those that it may", command: "stratctl account list shows those that it may" },
  strategies: { call: "GET /strategies lists those there are", command: "stratctl strategy list shows those there are" },
  legs: {
    call: "GET /strategies/{strategy_id}/instruments lists those there are",
    command: "stratctl leg list {strategy_id} shows those there are",
  },
  fills: {
    call: "close it, or record the trade that is missing: POST /strategies/{strategy_id}/fills",
    command: "close it, or record the trade that is missing: stratctl fill add {strategy_id} …",
  },
  instruments: {
    call: "GET /instruments/search?q= looks for one",
    command: "stratctl instruments search nifty 24500 ce looks for one",
  },
  lot_size: { call: "give quantity, in units, or lot_size", command: "give the quantity in units, or the lot size: --lot-size 75" },
  entry_price: { call: "give entry_price", command: "give one: --price 101.55" },
  exit_price: { call: "give exit_price", command: "give one: stratctl leg close … --price 101.55" },
  scope_read: { call: "use a token with the scope read", command: "mint one: stratctl token --scope read" },
  scope_trade: { call: "use a token with the scope trade", command: "mint one: stratctl token --scope read,trade" },
} as const satisfies Record<string, { readonly call: string; readonly command: string }>;

/** What to do about an error, in the words of the command line. */
export function commandHint({ hint, details }: Pick<StratctlError, "hint" | "details">): string | null {
  const command = Object.values(HINTS).find(({ call }) => call === hint)?.command ?? hint;
  return command?.replaceAll(/\{(\w+)\}/g, (_, field: string) => String(details[field])) ?? null;
}

/** A control character that somebody gave would act on the terminal that shows the line. */
function visible(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A law of ours that does not hold: a fault in this code, not in what a user gave. */
export function assert(law: boolean, message: string): asserts law {
  if (!law) throw new StratctlError("internal", message);
}
