export { assert } from "./errors.ts";
export { AHEAD_MS_MAX, QuoteBoard, type BoardCounts, type BoardOptions, type Outcome } from "./quotes/board.ts";
export { Fallback, type FallbackOptions, type SourceStatus } from "./quotes/fallback.ts";
export {
  createRecording,
  openRecording,
  surveyRecording,
  type RecordedQuote,
  type Recording,
  type RecordingSummary,
  type RecordingWriter,
} from "./quotes/recording.ts";
export { SourceSettings, type SentinelAddress } from "./quotes/settings.ts";
export { redisSource } from "./quotes/redis.ts";
export { pubsubSource, type PubsubOptions } from "./quotes/redis-pubsub.ts";
export { tickerSource, type TickerOptions } from "./quotes/ticker.ts";
export {
  NIFTY_50,
  systemClock,
  type Allowance,
  type InstrumentRef,
  type QuoteSink,
  type QuoteSource,
  type ReadOptions,
  type SourceClock,
} from "./quotes/source.ts";
export { amountOf, formatUnits, MONEY_MAX_UNITS, parseUnits, unitsOf } from "./model/money.ts";
export { builtinCalendar, dayOf, lastSession, openAt, sessionOn, sessionsBetween, type Calendar, type Session } from "./market/calendar.ts";
export { alwaysOpen } from "./market/days.ts";
export { calendarFaults } from "./market/calendar-file.ts";
export { calendarWarnings, type CalendarWarning } from "./market/warnings.ts";
export { lastDayOf } from "./market/expiry.ts";
export { expiryNotice, type ExpiryNotice } from "./market/settlement.ts";
export { parseInstrument } from "./market/instrument.ts";
export { builtinLots } from "./market/lots.ts";
export { Instant, isoOf } from "./model/instant.ts";
export {
  backupEmbedded,
  embeddedFolder,
  embeddedStatus,
  ensureEmbedded,
  reviveEmbedded,
  stopEmbedded,
  type BackupReport,
  type EmbeddedDatabase,
  type EmbeddedOptions,
  type EmbeddedStatus,
} from "./store/embedded.ts";
export { temporaryEmbedded, type TemporaryDatabase } from "./store/embedded/temporary.ts";
export { databaseUrl, openDatabase } from "./connect.ts";
export { openSources, sourceSettings } from "./quotes/open.ts";
export type { InstrumentQuotes, RefusedFor, SourceQuotes } from "./quotes/tally.ts";
export { privateUnusable, readPrivate } from "./private-file.ts";
export { readTokenFile } from "./api/client/token-file.ts";
export { isLoopback, isServerUrl, serverUrl } from "./api/client/url.ts";
export type { Database, Db, DbSession } from "./store/db.ts";
export { commandHint, HINTS, StratctlError } from "./errors.ts";
export { m2mUnits, TOO_LARGE, unpricedReason } from "./m2m/mark.ts";
export { pnlUnits } from "./m2m/pnl.ts";
export { Basis, Candle, type CandleSource } from "./model/candle.ts";
export { readLegs, type BookInstrument, type BookLegs } from "./store/book.ts";
export { bookStrategies, changedSince, type BookChanges, type Look } from "./store/book-change.ts";
export { emptyBatch as emptyCandles, part as partOfCandles } from "./store/candle-batch.ts";
export { isOfTheRow, sqlstateOf } from "./store/failure.ts";
export { assertAlive } from "./store/alive.ts";
export { versionOf as candleVersion } from "./store/candle-version.ts";
export { batchOf, upsertMany as upsertCandles, type CandleBatch, type CandlesJson, type CandleUpsert } from "./store/candle.ts";
export { lead, leaders, leave, tellAlive, type Fence, type LeadAnswer, type Leader } from "./store/leader.ts";
export { part as partOfMarks, settleStrategies, upsertMany as upsertMarks, type MarkBatch } from "./store/mark.ts";
export { part as partOfQuotes, upsertMany as upsertQuotes, type QuoteBatch } from "./store/quote.ts";
export { candleMinutes, upsertMany as upsertGaps, type GapBatch } from "./store/gap.ts";
export { list as listFills } from "./store/fill.ts";
export { list as listLegs } from "./store/leg.ts";
export type { Leg } from "./model/leg.ts";
export { dueMinutes } from "./m2m/gap.ts";
export { readHistory, type HistoryReading } from "./quotes/ticker-history.ts";
export { assertCurrent, migrate, migrationPlan, migrationStatus, type MigrationReport, type MigrationStatus } from "./store/migrate.ts";
export { knownUntil } from "./market/calendar.ts";
export type { Shard } from "./store/shard.ts";
export { parseInput, type BadField } from "./api/input.ts";
export { LEFT_OUT } from "./api/left-out.ts";
export { nearest } from "./api/nearest.ts";
export { INTERVAL_MS } from "./m2m/rollup.ts";
export { daySpans, EXCHANGE_DEFAULT } from "./market/calendar.ts";
export { DAY_MS, MINUTE_MS } from "./market/day.ts";
export { STALE_MS_MAX } from "./model/quote.ts";
export { contract, type Api } from "./api/contract.ts";
export { admitted } from "./api/service/call.ts";
export { historyJson } from "./api/service/history.ts";
export { writeDays, type DaysQuery } from "./api/service/day-metrics.ts";
export { Problem } from "./api/problem.ts";
export { createService } from "./api/service.ts";
export type { Caller, Context, MarkFeed } from "./api/service/context.ts";
export { routesOf } from "./api/route.ts";
export type { Contract, EventRoute, Route, Scope, StreamGap, StreamOptions } from "./api/route.ts";
export { ERRORS, type ErrorCode } from "./errors.ts";
export { Mark } from "./model/mark.ts";
export { openApi } from "./api/openapi.ts";
export { engines, tellStanding } from "./store/status.ts";
export type { EngineStanding } from "./model/status.ts";
export { exportTo } from "./transfer/export.ts";
export { importFrom } from "./transfer/import.ts";
export type { TransferReport } from "./store/transfer.ts";
export { serverClock, serverFacts } from "./store/server.ts";
