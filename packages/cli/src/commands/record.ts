import type { Command } from "commander";
import type { Act } from "./command.ts";

export function addRecord(program: Command, _act: Act): void {
  program.command("record");
}
