import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

export interface MigrationFile {
  readonly id: number;
  /** `0001_first_light` */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of its text. */
  readonly checksum: string;
}

/** From source they lie at the root of the repository, in the package beside the code. */
const FOLDER = new URL(import.meta.url.endsWith(".ts") ? "../../../../migrations/" : "../migrations/", import.meta.url);

/** The migrations that this code has, in their order. */
export async function migrationFiles(folder: URL = FOLDER): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).toSorted();
  return Promise.all(
    names.map(async (file) => {
      const sql = await textOf(new URL(file, folder));
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { id: Number(file.slice(0, 4)), name: file.replace(/\.sql$/, ""), sql, checksum };
    }),
  );
}

/** What is run after every migration where the extension TimescaleDB is. */
export function timescaleScript(): Promise<string> {
  return textOf(new URL("timescale.sql", FOLDER));
}

/** A checkout may have turned line ends into Windows'; the text is the same. */
async function textOf(file: URL): Promise<string> {
  return (await readFile(file, "utf8")).replaceAll("\r\n", "\n");
}
