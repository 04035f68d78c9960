import type { Command } from "commander";
import type { Act } from "./command.ts";

export function addReplay(program: Command, _act: Act): void {
  program.command("replay");
}
