import type { Command } from "commander";
import type { Account } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { again, examples, type Act } from "./command.ts";
import { needed } from "./missing.ts";

const FIELDS = [
  "account_id",
  "account_name",
  "broker",
  "aliases",
  "is_active",
  "created_at",
  "updated_at",
] as const satisfies (keyof Account)[];

export function addAccount(program: Command, act: Act): void {
  const account = program.command("account").description("trading accounts: what strategies hang from");

  account
    .command("add")
    .description("add an account; its default strategy comes with it")
    .argument("[account]", "the broker's user id, like XJ4540")
    .option("--name <name>", "what a person calls it")
    .option("--alias <id>", "another id that callers may use; may be given again", again)
    .option("--broker <broker>", "the broker's name")
    .option("--if-missing", "an account that is there already is answered as it is, instead of refused")
    .addHelpText(
      "after",
      examples(
        ["stratctl account add XJ4540", "the account, and its Default Strategy"],
        ['stratctl account add XJ4540 --name "Own book" --alias 17', "with a name, and the number another system has for it"],
      ),
    )
    .action(
      act((deps, given) =>
        runAdd(deps, {
          account_id: given.argument(0),
          account_name: given.text("name"),
          aliases: given.list("alias"),
          broker: given.text("broker"),
          ifMissing: given.isSet("ifMissing"),
        }),
      ),
    );

  account
    .command("list")
    .description("list accounts, by id")
    .addHelpText("after", examples(["stratctl account list"], ["stratctl account list --json", "as data"]))
    .action(act((deps) => runList(deps)));

  account
    .command("show")
    .description("show one account, by its id or an alias")
    .argument("[account]", "left out: the one that calls go to")
    .addHelpText("after", examples(["stratctl account show"], ["stratctl account show XJ4540"]))
    .action(act((deps, given) => runShow(deps, { account_id: given.argument(0) })));
}

export interface AddOptions {
  readonly account_id: string | undefined;
  readonly account_name: string | undefined;
  readonly aliases: string[] | undefined;
  readonly broker: string | undefined;
  readonly ifMissing: boolean;
}

export async function runAdd(deps: Deps, { account_id, ifMissing, ...rest }: AddOptions): Promise<void> {
  const id = await needed(deps, account_id, {
    name: "account",
    usage: "stratctl account add XJ4540",
    ask: (ask) => ask.text({ message: "Account (the broker's user id)" }),
  });
  const api = await deps.connect();
  const created = api.accounts.create({ account_id: id, ...rest }, { signal: deps.signal });
  const made = ifMissing ? await unlessThere(created) : await created;
  const account = made ?? (await api.accounts.get({ account_id: id }, { signal: deps.signal }));
  const { accountAdded } = await import("../views/accounts.ts");
  const view = () => accountAdded(account, { isNew: made !== null });
  await deliver(deps, { data: account, rows: [account], fields: FIELDS, view });
}

/** Null where it was there before. */
function unlessThere(created: Promise<Account>): Promise<Account | null> {
  return created.catch(async (error: unknown) => {
    const { StratctlError } = await import("@stratctl/sdk");
    if (error instanceof StratctlError && error.code === "account_exists") return null;
    throw error;
  });
}

export async function runList(deps: Deps): Promise<void> {
  const api = await deps.connect();
  await deliverAccounts(deps, await api.accounts.list({}, { signal: deps.signal }));
}

export async function runShow(deps: Deps, { account_id }: { account_id: string | undefined }): Promise<void> {
  const api = await deps.connect();
  const account = await api.accounts.get({ account_id }, { signal: deps.signal });
  await deliverAccounts(deps, [account], account);
}

async function deliverAccounts(deps: Deps, accounts: readonly Account[], data: unknown = accounts): Promise<void> {
  const { accountList } = await import("../views/accounts.ts");
  await deliver(deps, { data, rows: accounts, fields: FIELDS, view: (options) => accountList(accounts, options) });
}
