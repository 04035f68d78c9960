export { assert } from "./errors.ts";
export { AHEAD_MS_MAX, QuoteBoard, type BoardCounts, type Outcome } from "./quotes/board.ts";
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
export { redisSource, type RedisOptions } from "./quotes/redis.ts";
export { tickerSource, type TickerOptions } from "./quotes/ticker.ts";
export {
  systemClock,
  type Allowance,
  type InstrumentRef,
  type QuoteSink,
  type QuoteSource,
  type ReadOptions,
  type SourceClock,
} from "./quotes/source.ts";
export { amountOf, formatUnits, parseUnits, unitsOf } from "./model/money.ts";
