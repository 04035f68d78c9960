import { afterAll, beforeAll, describe } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { migrate } from "../../packages/sdk/src/store/migrate.ts";
import { freshDatabase, POSTGRES, type FreshDatabase, type Template } from "./postgres.ts";

/** A database with the tables of this code and nothing in them. */
export const MIGRATED: Template = {
  name: "migrated",
  prepare: async (url) => {
    const database = await openPool(url);
    await migrate(database, { adopt: false });
    await database.close();
  },
};

/** What a suite may touch: only inside its tests and hooks. */
export interface Store {
  readonly db: Database;
  readonly url: string;
}

/** The suite, once on each kind of Postgres, each time on a migrated database of its own. */
export function onEveryPostgres(title: string, suite: (store: Store) => void): void {
  describe.each(POSTGRES)(`${title} ($name)`, ({ missing, server }) => {
    let fresh: FreshDatabase | undefined;
    let database: Database | undefined;
    beforeAll(async () => {
      if (missing !== null) return;
      fresh = await freshDatabase(await server(), MIGRATED);
      database = await openPool(fresh.url);
    });
    afterAll(async () => {
      await database?.close();
      await fresh?.drop();
    });
    describe.skipIf(missing)("", () =>
      suite({
        get db() {
          return opened(database);
        },
        get url() {
          return opened(fresh).url;
        },
      }),
    );
  });
}

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the database is there only inside tests and hooks");
  return value;
}
