import type { Command } from "commander";
import type { Status } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";

const FIELDS = [
  "account_id",
  "at",
  "leaders",
  "last_sample_at",
  "waiting_count",
  "spool_depth",
  "day",
  "due_minutes",
  "candle_minutes",
  "gap_minutes",
  "unmarked_count",
  "degraded",
  "warnings",
] as const;

export function addStatus(program: Command, act: Act): void {
  program
    .command("status")
    .description("who marks the account, since when, from where, what is missing today and why")
    .addHelpText("after", examples(["stratctl status"], ["stratctl status --url https://desk.example.com"], ["stratctl status --json"]))
    .action(act(runStatus));
}

export async function runStatus(deps: Deps): Promise<void> {
  const api = await deps.connect();
  const status = await api.status({}, { signal: deps.signal });
  const { statusView } = await import("../views/status.ts");
  await deliver(deps, { data: status, rows: [rowOf(status)], fields: FIELDS, view: (view) => statusView(status, view) });
}

function rowOf({
  account_id,
  at,
  engines,
  coverage,
  gaps,
  unmarked,
  warnings,
}: Status): Record<(typeof FIELDS)[number], string | number | null> {
  const leading = engines.filter(({ is_leading }) => is_leading);
  const standings = leading.flatMap(({ standing }) => standing ?? []);
  const sum = (read: (standing: (typeof standings)[number]) => number): number | null =>
    standings.length === 0 ? null : standings.reduce((total, standing) => total + read(standing), 0);
  return {
    account_id,
    at,
    leaders: leading.length,
    last_sample_at:
      standings
        .flatMap(({ last_sample_at }) => last_sample_at ?? [])
        .toSorted()
        .at(-1) ?? null,
    waiting_count: sum((standing) => standing.waiting_count),
    spool_depth: sum((standing) => standing.spool_depth),
    ...coverage,
    gap_minutes: gaps.reduce((total, { minutes }) => total + minutes, 0),
    unmarked_count: unmarked.length,
    degraded: [...new Set(standings.flatMap(({ degraded }) => degraded))].join("; "),
    warnings: warnings.join("; "),
  };
}
