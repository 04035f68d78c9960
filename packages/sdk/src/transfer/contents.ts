import { z } from "zod";
import { TRANSFER_KINDS, TransferKind } from "../store/transfer-kinds.ts";

/** How many rows of each kind an export has: what tells one that is whole from one that was cut short. */

export type Counts = ReadonlyMap<TransferKind, number>;

/** Beside the files of a folder. */
export const CONTENTS = "export.json";

export function csvFile(kind: TransferKind): string {
  return `${kind}.csv`;
}

/** The form of an export; another one gets another number. */
const VERSION = 1;

export const Contents = z.strictObject({
  stratctl_export: z.literal(VERSION),
  rows: z.record(TransferKind, z.int().min(0)),
});

function told(counts: Counts): z.infer<typeof Contents> {
  const rows = z.record(TransferKind, z.int()).parse(Object.fromEntries(TRANSFER_KINDS.map((kind) => [kind, counts.get(kind) ?? 0])));
  return { stratctl_export: VERSION, rows };
}

export function contentsOf(counts: Counts): string {
  return `${JSON.stringify(told(counts), null, 2)}\n`;
}

/** The last line of a file of JSON lines. */
export function endLine(counts: Counts): string {
  return `${JSON.stringify(told(counts))}\n`;
}
