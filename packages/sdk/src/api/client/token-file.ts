import { privateUnusable, readPrivate } from "../../private-file.ts";

/** The token in a file: its first line. A file that others may read is refused, since they may call with it. Throws `file_unusable`. */
export async function readTokenFile(file: string): Promise<string> {
  const [line = ""] = (await readPrivate(file, "token file")).split(/\r?\n/);
  if (line.trim() === "")
    throw privateUnusable(file, "token file", { what: "holds no token in its first line", hint: `stratctl token > ${file}` });
  return line.trim();
}
