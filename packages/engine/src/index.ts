export { checkedInterval, systemClock, type Clock } from "./clock.ts";
export { runDaemon, type DaemonOptions, type DaemonPass, type DaemonReport, type DaemonTiming } from "./daemon.ts";
export type { GapSpan, StrategyNotes } from "./gaps.ts";
export { createLog, type Log, type LogLine } from "./log.ts";
export { record, type RecordOptions, type RecordReport } from "./record.ts";
export { replay, type ReplayOptions, type ReplayProgress, type ReplayReport } from "./replay.ts";
export { holdYoungGeneration } from "./young-generation.ts";
