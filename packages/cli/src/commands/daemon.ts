import type { Command } from "commander";
import type { Act } from "./command.ts";

export function addDaemon(program: Command, _act: Act): void {
  program.command("daemon");
}
