import { z } from "zod";
import type { Db } from "./db.ts";

/** Resolves where the database answers, and rejects with database_unreachable or database_refused where it does not. */
export async function assertAlive(db: Db): Promise<void> {
  await db.one(Row, "alive", "select 1 as one");
}

const Row = z.object({ one: z.literal(1) });
