import { migrationFiles } from "../../packages/sdk/src/store/migration-files.ts";

/** Names of all migrations of this code, in their order, and of those after the first. */
export const MIGRATIONS = (await migrationFiles()).map(({ name }) => name);
export const LATER_MIGRATIONS = MIGRATIONS.slice(1);
