import { z } from "zod";
import { Account, AccountCreate, AccountId } from "../model/account.ts";
import { Candle, M2mQuery } from "../model/candle.ts";
import { Fill, FillAdd, FillAdded, FillQuery, LegMove, StrategyClose } from "../model/fill.ts";
import { Gap, GapQuery } from "../model/gap.ts";
import { Leg, LegAdd, LegAdded, LegClose, LegRemove, LegUpdate, StrategyWithLegs } from "../model/leg.ts";
import { Listing, ListingGet, ListingSearch } from "../model/listing.ts";
import { Mark, MarkQuery } from "../model/mark.ts";
import { DayMetrics, MetricsQuery, MetricsRebuild, MetricsRebuilt, Performance, Positions } from "../model/metrics.ts";
import { Quote, QuoteQuery } from "../model/quote.ts";
import { Settle, Settled } from "../model/settlement.ts";
import { Status, StatusQuery } from "../model/status.ts";
import { Id, Strategy, StrategyArchive, StrategyCreate, StrategyGet, StrategyQuery, StrategyUpdate } from "../model/strategy.ts";
import { events, route, type CallOptions, type Calls } from "./route.ts";

const ofAccount = ["account_required", "account_unknown", "account_forbidden"] as const;
const ofStrategy = [...ofAccount, "strategy_unknown"] as const;
const ofLeg = [...ofStrategy, "leg_unknown"] as const;

/** Of a call that adds something, with an idempotency key. */
const ofKey = ["idempotency_conflict", "idempotency_in_use"] as const;

const StrategyKey = z.strictObject({ account_id: AccountId.optional(), strategy_id: Id });

/** Every call there is. Paths are those of the system that stratctl replaces, where it had one. */
export const contract = {
  accounts: {
    list: route("GET /accounts", {
      summary: "Accounts, by id",
      input: z.strictObject({}),
      output: z.array(Account),
    }),
    get: route("GET /accounts/{account_id}", {
      summary: "One account, by its id or an alias; the only one where left out",
      input: z.strictObject({ account_id: AccountId.optional() }),
      output: Account,
      errors: ofAccount,
    }),
    create: route("POST /accounts", {
      summary: "Adds an account; its default strategy comes with it",
      input: AccountCreate,
      output: Account,
      status: 201,
      in_query: [],
      errors: ["account_exists", "account_forbidden", ...ofKey],
    }),
  },
  strategies: {
    create: route("POST /strategies", {
      summary: "Adds a strategy without legs",
      input: StrategyCreate,
      output: Strategy,
      status: 201,
      errors: [...ofAccount, "strategy_exists", ...ofKey],
    }),
    getOrCreate: route("PUT /strategies", {
      summary: "The active strategy of that name, made where there is none; an existing one is left as it is",
      input: StrategyCreate,
      output: Strategy,
      errors: ofAccount,
    }),
    list: route("GET /strategies", {
      summary: "Strategies of an account: the default first, then the newest; with limit a page, which goes on after `cursor`",
      input: StrategyQuery,
      output: z.array(Strategy),
      errors: ofAccount,
    }),
    resolve: route("GET /strategies/resolve", {
      summary: "The strategy that an id (digits) or a whole name (in any case, active ones first) names",
      input: z.strictObject({ account_id: AccountId.optional(), strategy: z.string().trim().min(1).max(200) }),
      output: Strategy,
      errors: [...ofStrategy, "strategy_ambiguous"],
    }),
    get: route("GET /strategies/{strategy_id}", {
      summary: "One strategy with what it is worth by its latest mark, and its legs where they are asked for",
      input: StrategyGet,
      output: StrategyWithLegs,
      errors: ofStrategy,
    }),
    update: route("PUT /strategies/{strategy_id}", {
      summary: "Changes what is given and leaves the rest",
      input: StrategyUpdate,
      output: Strategy,
      errors: [...ofStrategy, "strategy_exists", "strategy_default"],
    }),
    archive: route("DELETE /strategies/{strategy_id}", {
      summary:
        "Archives a strategy; its candles stay. With move_to_default its open legs go to the account's default strategy. Again changes nothing",
      input: StrategyArchive,
      output: Strategy,
      errors: [...ofStrategy, "strategy_default"],
    }),
    close: route("POST /strategies/{strategy_id}/close", {
      summary: "Closes all open legs at the current quotes: all of them, or none where one has no price",
      input: StrategyClose,
      output: z.array(Leg),
      errors: [...ofStrategy, "strategy_archived", "quote_missing", "money_too_large", ...ofKey],
    }),
    mark: route("GET /strategies/{strategy_id}/mark", {
      summary: "The latest mark that the engine wrote, or with now=true the mark at the prices of this moment",
      input: MarkQuery,
      output: Mark.nullable(),
      errors: [...ofStrategy, "money_too_large"],
    }),
    metrics: route("GET /strategies/{strategy_id}/metrics", {
      summary: "The figures of exchange days, ascending, as the engine wrote them at the session's end",
      input: MetricsQuery,
      output: z.array(DayMetrics),
      errors: ofStrategy,
    }),
    performance: route("GET /strategies/{strategy_id}/performance", {
      summary: "The figures of exchange days, and of all of them together",
      input: MetricsQuery,
      output: Performance,
      errors: ofStrategy,
    }),
    positions: route("GET /strategies/{strategy_id}/positions", {
      summary: "What is held, and was, by instrument and direction, at the last prices kept",
      input: StrategyKey,
      output: Positions,
      errors: ofStrategy,
    }),
    legs: {
      add: route("POST /strategies/{strategy_id}/instruments", {
        summary: "Adds a leg; without entry_price it is entered at the current quote",
        input: LegAdd,
        output: LegAdded,
        status: 201,
        errors: [
          ...ofStrategy,
          "strategy_archived",
          "instrument_invalid",
          "instrument_unknown",
          "lot_size_unknown",
          "quote_missing",
          "money_too_large",
          ...ofKey,
        ],
      }),
      list: route("GET /strategies/{strategy_id}/instruments", {
        summary: "Legs, open ones first, each in the order they were added",
        input: StrategyKey,
        output: z.array(Leg),
        errors: ofStrategy,
      }),
      update: route("PUT /strategies/{strategy_id}/instruments/{instrument_id}", {
        summary: "Corrects an open leg",
        input: LegUpdate,
        output: Leg,
        errors: [...ofLeg, "leg_closed", "leg_has_fills", "strategy_archived", "money_too_large"],
      }),
      close: route("POST /strategies/{strategy_id}/instruments/{instrument_id}/close", {
        summary: "Closes a leg or a part of it, at a price or at the current quote: its P&L is realized from the next minute on",
        input: LegClose,
        output: Leg,
        errors: [...ofLeg, "leg_closed", "strategy_archived", "quote_missing", "money_too_large", ...ofKey],
      }),
      remove: route("DELETE /strategies/{strategy_id}/instruments/{instrument_id}", {
        summary: "Removes a leg entered by mistake; past candles stay as they are. A closed leg is history and stays",
        input: LegRemove,
        output: Leg,
        errors: [...ofLeg, "leg_closed", "leg_has_fills", "strategy_archived"],
      }),
      move: route("POST /strategies/{strategy_id}/instruments/{instrument_id}/move", {
        summary: "Takes a leg or a part of it to another strategy of its account, at the cost it has: nothing is realized",
        input: LegMove,
        output: Leg,
        status: 201,
        errors: [...ofLeg, "leg_closed", "strategy_archived", ...ofKey],
      }),
    },
    fills: {
      list: route("GET /strategies/{strategy_id}/fills", {
        summary: "Every entry and exit, in the order of time",
        input: FillQuery,
        output: z.array(Fill),
        errors: ofStrategy,
      }),
      add: route("POST /strategies/{strategy_id}/fills", {
        summary:
          "A trade as the broker tells it: closes what is held on the other side, oldest first; what is left of it adds to a leg or opens one",
        input: FillAdd,
        output: FillAdded,
        status: 201,
        errors: [
          ...ofStrategy,
          "strategy_archived",
          "instrument_invalid",
          "instrument_unknown",
          "money_too_large",
          "fill_exists",
          ...ofKey,
        ],
      }),
    },
    m2m: {
      history: route("GET /strategies/{strategy_id}/m2m", {
        summary: "Candles of a time range, ascending; minutes without a mark have none",
        input: M2mQuery,
        output: z.array(Candle),
        errors: ofStrategy,
      }),
      gaps: route("GET /strategies/{strategy_id}/m2m/gaps", {
        summary: "Minutes of sessions in which a leg was held and there is no candle, and why",
        input: GapQuery,
        output: z.array(Gap),
        errors: ofStrategy,
      }),
      stream: events("GET /strategies/{strategy_id}/m2m/stream", {
        summary: "The strategy's mark at each sample, as it is made",
        input: StrategyKey,
        output: Mark,
        errors: [...ofStrategy, "strategy_archived"],
        instant: (mark) => mark.at,
      }),
    },
  },
  marks: {
    stream: events("GET /marks/stream", {
      summary: "The marks of all active strategies of an account at each sample, by strategy",
      input: z.strictObject({ account_id: AccountId.optional() }),
      output: z.array(Mark).min(1),
      errors: ofAccount,
      instant: ([first]) => first?.at ?? "",
    }),
  },
  status: route("GET /status", {
    summary: "How the marking of an account stands: its engines, sessions, today's coverage, and what needs somebody",
    input: StatusQuery,
    output: Status,
    errors: ofAccount,
  }),
  metrics: {
    rebuild: route("POST /metrics", {
      summary: "Writes the days of an account's strategies anew from their candles and legs; again changes nothing",
      input: MetricsRebuild,
      output: MetricsRebuilt,
      errors: ofStrategy,
    }),
  },
  settle: route("POST /settle", {
    summary: "Settles contracts of an account that have expired, against the exchange's closing figures of their underlyings",
    input: Settle,
    output: Settled,
    errors: [...ofAccount, "money_too_large"],
  }),
  instruments: {
    search: route("GET /instruments/search", {
      summary: "Instruments that all words fit, those that expire next first; expired ones last",
      input: ListingSearch,
      output: z.array(Listing),
    }),
    get: route("GET /instruments/{instrument}", {
      summary: "One instrument as its exchange lists it, or listed it last",
      input: ListingGet,
      output: Listing,
      errors: ["instrument_invalid", "instrument_unknown"],
    }),
  },
  quotes: {
    get: route("GET /quotes", {
      summary: "Last traded prices, in the order asked for; null with a reason where unknown",
      input: QuoteQuery,
      output: z.array(Quote),
      errors: ["instrument_invalid"],
    }),
  },
};

/** What the calls give beyond one a route. */
interface More {
  readonly strategies: {
    readonly m2m: {
      /** The candles of a history one by one, read some thousands at a time: a year of minutes needs no more memory than a day. */
      readonly each: (query: Omit<z.input<typeof M2mQuery>, "limit">, options?: CallOptions) => AsyncIterable<Candle>;
    };
  };
}

/** Every call of stratctl, the same in process and over HTTP. */
export type Api = Calls<typeof contract> & More;
