import { userInfo } from "node:os";
import type { Command } from "commander";
import type { Deps } from "../deps.ts";
import { examples, type Act } from "./command.ts";

export function addToken(program: Command, act: Act): void {
  program
    .command("token")
    .description("print a token for the server that this machine's daemon serves")
    .option("--scope <scopes>", "what it may do: read, trade, or both", "read,trade")
    .option("--ttl <span>", "how long it is good: 15m, 12h, 720h at most", "15m")
    .addHelpText(
      "after",
      `\n--account, which may be given again, says whose strategies it opens; without it,
everybody's. Whoever has the token may use it until it ends: keep it in a file
of mode 0600.
${examples(["stratctl token"], ["stratctl token --account XJ4540 --scope read --ttl 12h"], ["stratctl token > desk.token"])}`,
    )
    .action(
      act((deps, given) =>
        runToken(deps, { accounts: given.list("account") ?? [], scope: given.text("scope") ?? "", ttl: given.text("ttl") ?? "" }),
      ),
    );
}

const TTL_MS_MAX = 30 * 86_400_000;

export async function runToken(
  deps: Deps,
  { accounts, scope, ttl }: { accounts: readonly string[]; scope: string; ttl: string },
): Promise<void> {
  const [{ spanOf }, { mintToken, parseHttpSettings, secretOf }, { StratctlError }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/engine"),
    import("@stratctl/sdk"),
  ]);
  const ttl_ms = spanOf(ttl, "--ttl");
  if (ttl_ms > TTL_MS_MAX || ttl_ms < 1000)
    throw new StratctlError("input_invalid", `--ttl ${ttl} is not from 1s to 720h`, { hint: "a token cannot be called back" });
  const words = scope.split(",").map((word) => word.trim());
  const scopes = (["read", "trade"] as const).filter((known) => words.includes(known));
  if (scopes.length === 0 || scopes.length !== new Set(words).size)
    throw new StratctlError("input_invalid", `--scope ${JSON.stringify(scope)} is not read, trade, or read,trade`);
  const strange = accounts.find((account) => !/^\S{1,100}$/.test(account) || account === "*");
  if (strange !== undefined)
    throw new StratctlError("input_invalid", `--account ${JSON.stringify(strange)} is not an account id`, {
      hint: "it has no blanks, like XJ4540",
    });
  const settings = parseHttpSettings((await deps.settings()).http);
  const secret = await secretOf(settings);
  if (!secret.is_local && accounts.length === 0)
    throw new StratctlError("account_required", "a token of a secret of one's own names its accounts", { hint: "--account XJ4540" });
  const token = await mintToken(secret, {
    accounts: accounts.length === 0 ? "all" : accounts,
    scopes,
    ttl_s: Math.floor(ttl_ms / 1000),
    now_ms: deps.now(),
    subject: userInfo().username,
    settings,
  });
  deps.screen.print(deps.output.format === "json" ? `${JSON.stringify(token)}\n` : `${token}\n`);
}
