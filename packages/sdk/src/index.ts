export { connect, type ConnectOptions, type Stratctl } from "./connect.ts";
export { ERRORS, StratctlError, type ErrorCode } from "./errors.ts";

export { contract, type Api } from "./api/contract.ts";
export type { CallOptions, Contract, EventRoute, Route, Scope, StreamGap, StreamOptions } from "./api/route.ts";

export { Account, AccountCreate } from "./model/account.ts";
export { Basis, Candle, CandleSource, Interval, M2mQuery } from "./model/candle.ts";
export {
  Direction,
  InstrumentType,
  Leg,
  LegAdd,
  LegAdded,
  LegClose,
  LegNotice,
  LegRemove,
  LegUpdate,
  LegWarning,
  signOf,
  StrategyWithLegs,
} from "./model/leg.ts";
export { importInstruments, type DumpImported } from "./dump/import.ts";
export { Listing, ListingGet, ListingSearch } from "./model/listing.ts";
export { CostMethod, Fill, FillAdd, FillAdded, LegMove, StrategyClose } from "./model/fill.ts";
export { Gap, GapQuery } from "./model/gap.ts";
export { Mark, MarkQuery } from "./model/mark.ts";
export { DayMetrics, MetricsQuery, MetricsRebuild, MetricsRebuilt, Performance, Position, Positions } from "./model/metrics.ts";
export { MONEY_MAX } from "./model/money.ts";
export { Quote, QuoteQuery } from "./model/quote.ts";
export { Engine, EngineStanding, Status, StatusQuery } from "./model/status.ts";
export { Settle, Settled } from "./model/settlement.ts";
export { Strategy, StrategyArchive, StrategyCreate, StrategyGet, StrategyQuery, StrategyStatus, StrategyUpdate } from "./model/strategy.ts";

export { almanac, type AlmanacDay } from "./market/almanac.ts";
export { alwaysOpen, builtinCalendar, parseCalendar, type Calendar } from "./market/days.ts";
export { calendarFaults, calendarFrom } from "./market/calendar-file.ts";
export { calendarWarnings, type CalendarWarning } from "./market/warnings.ts";
export {
  announcedDays,
  dayOf,
  knownDay,
  knownUntil,
  lastSession,
  nextSession,
  openAt,
  sessionOn,
  sessionsBetween,
  type Session,
} from "./market/calendar.ts";
export { expiryOf, lastDayOf } from "./market/expiry.ts";
export {
  expiryNotice,
  isDelivered,
  settlementUnits,
  type ContractKind,
  type Expiring,
  type ExpiryNotice,
  type HeldContract,
} from "./market/settlement.ts";
export { EXCHANGES, parseInstrument, withExchange, type Exchange, type Instrument } from "./market/instrument.ts";
export { builtinLots, lotSize, parseLots, type Lots } from "./market/lots.ts";

export { fold, merge, minuteOf, pnlOf, toCandle, type PnlOhlc } from "./m2m/candle.ts";
export { markOf, type MarkLeg, type MarkOptions, type Valuation } from "./m2m/mark.ts";
export type { BookOfMinute, MinuteCandle, SampledMark } from "./m2m/minute.ts";
export { bucketsOf, rollUp, type BucketRule } from "./m2m/rollup.ts";
