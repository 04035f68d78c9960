import { Command, Option } from "commander";
import { addAccount } from "./commands/account.ts";
import { addBackfill } from "./commands/backfill.ts";
import { addCalendar } from "./commands/calendar.ts";
import { again, examples, type Act } from "./commands/command.ts";
import { addConfig } from "./commands/config.ts";
import { addDaemon } from "./commands/daemon.ts";
import { addDb } from "./commands/db.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addFill } from "./commands/fill.ts";
import { addGaps } from "./commands/gaps.ts";
import { addInstruments } from "./commands/instruments.ts";
import { addLeg } from "./commands/leg.ts";
import { addM2m } from "./commands/m2m.ts";
import { addMark } from "./commands/mark.ts";
import { addMetrics } from "./commands/metrics.ts";
import { addProfile } from "./commands/profile.ts";
import { addQuote } from "./commands/quote.ts";
import { addRecord } from "./commands/record.ts";
import { addReport } from "./commands/report.ts";
import { addReplay } from "./commands/replay.ts";
import { addSettle } from "./commands/settle.ts";
import { addStatus } from "./commands/status.ts";
import { addStrategy } from "./commands/strategy.ts";
import { addTransfer } from "./commands/transfer.ts";
import { addToken } from "./commands/token.ts";
import { version } from "./version.ts";

/** The tree of commands. Nothing heavy is loaded for it: what a command needs it imports when it runs. */
export function buildProgram(act: Act): Command {
  const program = new Command("stratctl")
    .description("Options strategies marked to market through every minute of the session.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .option("--url <url>", "the database, postgres://…, or the server, https://…; else STRATCTL_URL, …, the built-in database")
    .option("--profile <name>", "a database or server that is kept: stratctl profile")
    .option("--token-file <file>", "the token for a server; else STRATCTL_TOKEN, STRATCTL_TOKEN_FILE, the profile's")
    .option("--account <account>", "the account, by id or alias; else STRATCTL_ACCOUNT, the only one", again)
    .addOption(new Option("--json", "data as JSON, and errors too").conflicts("csv"))
    .option("--csv", "rows as CSV (RFC 4180), with a header")
    .option("--header", "in a pipe: a line of names above the rows")
    .option("--no-color", "no colours, as with NO_COLOR")
    .addHelpCommand(new Command("help").argument("[command]").description("print help for a command").helpGroup("Settings:"))
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .addHelpText(
      "after",
      examples(
        ["stratctl account add XJ4540"],
        ["stratctl strategy create Condor"],
        ["stratctl leg add condor BUY 1lot NIFTY2580724400PE --price 64.95"],
        ["stratctl replay session.csv.gz", "or stratctl daemon"],
        ["stratctl m2m condor"],
      ),
    );
  program.commandsGroup("Strategies:");
  addAccount(program, act);
  addStrategy(program, act);
  addLeg(program, act);
  addFill(program, act);
  addSettle(program, act);
  program.commandsGroup("What they are worth:");
  addMark(program, act);
  addM2m(program, act);
  addMetrics(program, act);
  addStatus(program, act);
  addGaps(program, act);
  addReport(program, act);
  addQuote(program, act);
  addCalendar(program, act);
  addInstruments(program, act);
  program.commandsGroup("Running:");
  addDaemon(program, act);
  addReplay(program, act);
  addBackfill(program, act);
  addRecord(program, act);
  addToken(program, act);
  program.commandsGroup("Settings:");
  addDoctor(program, act);
  addDb(program, act);
  addTransfer(program, act);
  addConfig(program, act);
  addProfile(program, act);
  for (const group of program.commands) if (group.commands.length > 0) group.helpCommand(false);
  return program;
}
