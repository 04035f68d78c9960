import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { localSecret, secretOf } from "./secret.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratctl-secret-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = (key: Uint8Array): string => Buffer.from(key).toString();

test("made on first use, for its owner alone whatever the umask, and the same from then on", async () => {
  const umask = process.umask(0);
  try {
    const made = await localSecret(join(folder, "data"));
    expect(made.is_local).toBe(true);
    expect(made.key.length).toBeGreaterThanOrEqual(32);
    expect((await stat(join(folder, "data", "jwt-secret"))).mode & 0o777).toBe(0o600);
    expect(text((await localSecret(join(folder, "data"))).key)).toBe(text(made.key));
  } finally {
    process.umask(umask);
  }
});

test("made by many at once, it is one, and nothing else is left", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => localSecret(folder)));
  expect(new Set(made.map(({ key }) => text(key))).size).toBe(1);
  expect(await readdir(folder)).toEqual(["jwt-secret"]);
  expect((await readFile(join(folder, "jwt-secret"), "utf8")).trim()).toBe(text(made[0]?.key ?? new Uint8Array()));
});

test("one that others may read, or that is too short, is refused by its name, with what to do", async () => {
  const file = join(folder, "own");
  await writeFile(file, "x".repeat(40), { mode: 0o600 });
  expect(await secretOf({ jwt_secret_file: file })).toEqual({ key: Buffer.from("x".repeat(40)), is_local: false });
  await chmod(file, 0o640);
  await expect(secretOf({ jwt_secret_file: file })).rejects.toMatchObject({
    code: "file_unusable",
    message: `the secret file ${file} can be read by others (mode 0640)`,
    hint: `chmod 600 ${file}`,
  });
  await chmod(file, 0o600);
  await writeFile(file, "x".repeat(31));
  await expect(secretOf({ jwt_secret_file: file })).rejects.toMatchObject({
    code: "file_unusable",
    message: expect.stringContaining("32 bytes"),
  });
  await expect(secretOf({ jwt_secret_file: join(folder, "none") })).rejects.toMatchObject({ code: "file_unusable" });
});
