import type { Account } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean } from "../terminal/format.ts";
import { dayText } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";

const COLUMNS: readonly Column<Account>[] = [
  { title: "account", cell: ({ account_id }) => clean(account_id), shrink: { to: 10 } },
  { title: "name", cell: ({ account_name }) => clean(account_name ?? ""), rank: 1, shrink: { to: 10 } },
  { title: "broker", cell: ({ broker }) => clean(broker), rank: 2 },
  { title: "aliases", cell: ({ aliases }) => clean(aliases.join(", ")), rank: 3, shrink: { to: 10 } },
  { title: "since", cell: ({ created_at }) => dayText(Date.parse(created_at)), rank: 4 },
  { title: "", cell: ({ is_active }) => (is_active ? "" : "inactive") },
];

export function accountList(accounts: readonly Account[], { width, color }: ViewOptions): string {
  if (accounts.length === 0) return "no accounts yet; add one: stratctl account add XJ4540";
  return table(COLUMNS, accounts, { width, color });
}

export function accountAdded({ account_id }: Account, { isNew }: { isNew: boolean }): string {
  return isNew ? `Added ${clean(account_id)}, with its Default Strategy` : `${clean(account_id)} is there already`;
}
