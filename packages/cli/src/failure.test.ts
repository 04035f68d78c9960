import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { HINTS } from "@stratctl/sdk/internal";
import { StratctlError } from "@stratctl/sdk";
import { failureOf, reportText } from "./failure.ts";

const text = async (error: unknown, isJson = false) => reportText(await failureOf(error, ["leg", "add"]), { isJson });

test("an error is one line that says what is wrong, and a second that says what to do", async () => {
  const error = new StratctlError("strategy_unknown", 'no strategy "condo" in XJ4540', {
    hint: "stratctl strategy list shows those there are",
  });
  expect(await text(error)).toBe('stratctl: no strategy "condo" in XJ4540\n  stratctl strategy list shows those there are\n');
  expect(await text(new StratctlError("strategy_archived", '"Old" is archived'))).toBe('stratctl: "Old" is archived\n');
});

test("what the API calls by its fields and routes is told as flags and commands", async () => {
  const legs = new StratctlError("leg_unknown", "no leg 9 in strategy 2", { hint: HINTS.legs.call, details: { strategy_id: 2 } });
  expect((await failureOf(legs, [])).hint).toBe("stratctl leg list 2 shows those there are");
  const account = new StratctlError("account_required", "which account?", { hint: HINTS.account.call });
  expect((await failureOf(account, [])).hint).toBe("name one with --account or STRATCTL_ACCOUNT");
  const other = new StratctlError("input_invalid", "x", { hint: "write it like 2025-07-31" });
  expect((await failureOf(other, [])).hint).toBe("write it like 2025-07-31");
});

test("as JSON it is one object on one line, with its code", async () => {
  const error = new StratctlError("input_invalid", "quantity must be above 0", { details: { errors: [{ field: "quantity" }] } });
  expect(JSON.parse(await text(error, true))).toEqual({
    code: "input_invalid",
    message: "quantity must be above 0",
    hint: null,
    details: { errors: [{ field: "quantity" }] },
  });
});

test("the exit status is that of the table", async () => {
  const codes = ["internal", "url_invalid", "strategy_exists", "leg_unknown", "database_behind", "quote_missing", "interrupted"] as const;
  const exits = await Promise.all(codes.map(async (code) => (await failureOf(new StratctlError(code, "x"), [])).exit));
  expect(exits).toEqual([1, 2, 3, 4, 5, 6, 130]);
});

test("what somebody typed cannot break the line or drive the terminal", async () => {
  const said = await text(new StratctlError("input_invalid", 'name "a\nb\u001B[2Jc" is no name'));
  expect(said).toBe('stratctl: name "a b\\u001b[2Jc" is no name\n');
});

test("wrong use is exit 2, in our words, with the help to look at", async () => {
  const said = (code: string, message: string) => text(new CommanderError(1, code, message));
  expect(await said("commander.unknownOption", "error: unknown option '--jso'\n(Did you mean --json?)")).toBe(
    'stratctl: unknown option "--jso"; did you mean --json?\n  see stratctl leg add --help\n',
  );
  expect(await said("commander.missingArgument", "error: missing required argument 'instrument'")).toBe(
    "stratctl: missing instrument\n  see stratctl leg add --help\n",
  );
  expect(await said("commander.optionMissingArgument", "error: option '--price <rupees>' argument missing")).toBe(
    "stratctl: option --price <rupees> wants a value\n  see stratctl leg add --help\n",
  );
  expect((await failureOf(new CommanderError(1, "commander.unknownCommand", "error: unknown command 'x'"), [])).exit).toBe(2);
});

test("help for a group without a command is printed once, and is wrong use", async () => {
  const failure = await failureOf(new CommanderError(1, "commander.help", "(outputHelp)"), ["leg"]);
  expect(failure.exit).toBe(2);
  expect(reportText(failure, { isJson: false })).toBe("");
});

test("a fault of ours is exit 1 and shows where", async () => {
  const failure = await failureOf(new TypeError("x is undefined"), []);
  expect(failure).toMatchObject({ code: "internal", exit: 1, message: "fault in stratctl: x is undefined" });
  expect(reportText(failure, { isJson: false })).toContain("failure.test.ts");
  expect(JSON.parse(reportText(failure, { isJson: true }))).not.toHaveProperty("stack");
});

test("an interrupted call is exit 130", async () => {
  expect((await failureOf(AbortSignal.abort().reason, [])).exit).toBe(130);
});
