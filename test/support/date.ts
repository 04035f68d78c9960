import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";

/** What a process reads from the database of the URL it is given, in the time zone that it is started in. */
const database = await openPool(process.argv[2] ?? "");
const Row = z.object({ day: z.string(), days: z.array(z.string()), local: z.string(), at: z.string() });
const row = await database.one(
  Row,
  "test.date",
  `select date '2026-11-25' as day, array[date '2026-11-25'] as days, timestamp '2026-11-25 09:15:00' as local,
     timestamptz '2026-11-25 09:15:00+05:30' as at`,
);
console.log(JSON.stringify(row));
await database.close();
