import { copyFile, readFile } from "node:fs/promises";
import path from "node:path";
import { rolldown } from "rolldown";
import { z } from "zod";

const Manifest = z.object({ dependencies: z.record(z.string(), z.string()) });

/**
 * The command as few files instead of a hundred, since opening each costs more than reading it: `--help` needs main.js
 * alone, what is imported lazily is a file of its own. Dependencies stay what they are, found in node_modules when the
 * command runs; a devDependency that the source imports (commander) becomes part of the bundle.
 */
export async function bundle(home: string, dist: string): Promise<void> {
  const manifest: unknown = JSON.parse(await readFile(path.join(home, "package.json"), "utf8"));
  const names = Object.keys(Manifest.parse(manifest).dependencies);
  const build = await rolldown({
    input: path.join(home, "src", "main.ts"),
    platform: "node",
    external: (id) => names.some((name) => id === name || id.startsWith(`${name}/`)),
    // A package that is not found is no more than a warning, and would be missed only where the command is installed.
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  // Not minified: that saves no time that can be measured, and a fault's stack names our functions.
  const { output } = await build.write({ dir: dist, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await build.close();
  const modules = output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
  const inlined = new Set(modules.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []));
  // Whoever passes a library on passes its licence on too.
  for (const folder of inlined) await copyFile(path.join(folder, "LICENSE"), path.join(dist, `LICENSE-${path.basename(folder)}`));
}
