import { Option, type Command } from "commander";
import type { Strategy } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { again, examples, type Act } from "./command.ts";
import { LEG_FIELDS } from "./leg.ts";
import { needed, neededStrategy } from "./missing.ts";

/** What scripts look for first comes first. */
export const STRATEGY_FIELDS = [
  "strategy_id",
  "name",
  "status",
  "is_default",
  "instrument_count",
  "current_pnl",
  "current_m2m",
  "marked_at",
  "priced",
  "stale",
  "reason",
  "tags",
  "account_id",
  "strategy_type",
  "description",
  "total_capital_deployed",
  "total_margin_used",
  "created_by",
  "created_at",
  "updated_at",
  "archived_at",
  "day_pnl",
  "day_pnl_reason",
] as const satisfies (keyof Strategy)[];

export function addStrategy(program: Command, act: Act): void {
  const strategy = program.command("strategy").description("strategies: named sets of legs");
  addCreate(strategy, act);
  addList(strategy, act);

  strategy
    .command("show")
    .description("show one strategy and what it is worth")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl strategy show condor"], ["stratctl strategy show 7 --json"]))
    .action(act((deps, given) => runShow(deps, { strategy: given.argument(0) })));

  addUpdate(strategy, act);

  strategy
    .command("close")
    .description("close all open legs at the last quotes: all of them, or none where one has no price")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl strategy close condor"]))
    .action(act((deps, given) => runClose(deps, { strategy: given.argument(0) })));

  strategy
    .command("exit")
    .description("undo a strategy: its open legs go to the default strategy, and it is archived")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl strategy exit condor", "nothing is closed, nothing realized"]))
    .action(act((deps, given) => runExit(deps, { strategy: given.argument(0) })));

  strategy
    .command("archive")
    .description("archive a strategy: it is not marked any more, its candles stay")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl strategy archive condor"]))
    .action(act((deps, given) => runArchive(deps, { strategy: given.argument(0) })));
}

function addCreate(strategy: Command, act: Act): void {
  strategy
    .command("create")
    .description("create a strategy; at a terminal its legs are asked for too")
    .argument("[name]", "a name with at least one letter")
    .option("--tag <tag>", "a tag; may be given again", again)
    .option("--description <text>", "what it is about")
    .addOption(new Option("--type <type>", "who trades it").choices(["manual", "automated"]))
    .option("--if-missing", "an active strategy of that name is answered as it is, instead of refused")
    .addHelpText(
      "after",
      examples(
        ["stratctl strategy create", "asks for name, tags and legs"],
        ["stratctl strategy create Condor --tag weekly"],
        ["id=$(stratctl strategy create Condor --if-missing | cut -f1)", "in a script"],
      ),
    )
    .action(
      act((deps, given) =>
        runCreate(deps, {
          name: given.argument(0),
          tags: given.list("tag"),
          description: given.text("description"),
          type: (["manual", "automated"] as const).find((type) => type === given.text("type")),
          ifMissing: given.isSet("ifMissing"),
        }),
      ),
    );
}

function addList(strategy: Command, act: Act): void {
  strategy
    .command("list")
    .description("list strategies: the default first, then the newest")
    .option("--archived", "those that are archived instead of the active ones")
    .option("--all", "active and archived ones")
    .option("--tag <tag>", "those with this tag")
    .option("--search <text>", "those with this text in their name or description")
    .addHelpText(
      "after",
      examples(
        ["stratctl strategy list"],
        ["stratctl strategy list --tag weekly --csv > weekly.csv"],
        ["stratctl strategy list --header | column -ts $'\\t'", "rows with tabs, in a pipe"],
      ),
    )
    .action(
      act((deps, given) =>
        runList(deps, {
          status: given.isSet("all") ? undefined : given.isSet("archived") ? "archived" : "active",
          tag: given.text("tag"),
          search: given.text("search"),
        }),
      ),
    );
}

function addUpdate(strategy: Command, act: Act): void {
  strategy
    .command("update")
    .description("change what is given and leave the rest")
    .argument("[strategy]", "its id or its whole name")
    .option("--name <name>", "another name")
    .option("--tag <tag>", "tags instead of those it has; may be given again", again)
    .option("--no-tags", "no tags any more")
    .option("--description <text>", 'what it is about; "" for nothing')
    .option("--capital <rupees>", 'capital deployed; "" for unknown')
    .option("--margin <rupees>", 'margin used; "" for unknown')
    .addHelpText(
      "after",
      examples(['stratctl strategy update condor --name "Condor 24800"'], ["stratctl strategy update 7 --tag weekly --capital 250000"]),
    )
    .action(
      act((deps, given) =>
        runUpdate(deps, {
          strategy: given.argument(0),
          name: given.text("name"),
          tags: given.list("tag") ?? (given.isUnset("tags") ? [] : undefined),
          description: given.text("description"),
          capital: given.text("capital"),
          margin: given.text("margin"),
        }),
      ),
    );
}

export interface CreateOptions {
  readonly name: string | undefined;
  readonly tags: string[] | undefined;
  readonly description: string | undefined;
  readonly type: "manual" | "automated" | undefined;
  readonly ifMissing: boolean;
}

export async function runCreate(deps: Deps, options: CreateOptions): Promise<void> {
  const ask = options.name === undefined ? await deps.ask() : null;
  if (ask !== null) {
    const { composeStrategy } = await import("./compose.ts");
    return composeStrategy(deps, ask, options);
  }
  const name = await needed(deps, options.name, {
    name: "name",
    usage: "stratctl strategy create Condor --tag weekly",
    ask: (somebody) => somebody.text({ message: "Name" }),
  });
  const api = await deps.connect();
  const strategy = { name, tags: options.tags, description: options.description, strategy_type: options.type };
  const created = await (options.ifMissing ? api.strategies.getOrCreate : api.strategies.create)(strategy, { signal: deps.signal });
  await deliverOne(deps, created, "Created");
}

export async function runList(
  deps: Deps,
  query: { status: Strategy["status"] | undefined; tag: string | undefined; search: string | undefined },
): Promise<void> {
  const api = await deps.connect();
  const strategies = await api.strategies.list(query, { signal: deps.signal });
  await deliver(deps, {
    data: strategies,
    rows: strategies,
    fields: STRATEGY_FIELDS,
    view: async (options) => {
      const [{ strategyList }, { coursesOf }] = await Promise.all([import("../views/strategies.ts"), import("./courses.ts")]);
      const account_id = strategies[0]?.account_id ?? (await api.accounts.get({}, { signal: deps.signal })).account_id;
      return strategyList(account_id, strategies, await coursesOf(deps, strategies), options);
    },
  });
}

export async function runShow(deps: Deps, { strategy: named }: { strategy: string | undefined }): Promise<void> {
  const { strategy_id, account_id } = await neededStrategy(deps, named, "stratctl strategy show condor");
  const api = await deps.connect();
  const strategy = await api.strategies.get({ account_id, strategy_id }, { signal: deps.signal });
  const { strategyCard } = await import("../views/strategies.ts");
  const { notices, legs: _, ...row } = strategy;
  const rows = [{ ...row, notices: notices.map(({ message }) => message) }];
  await deliver(deps, {
    data: strategy,
    rows,
    fields: [...STRATEGY_FIELDS, "notices"],
    view: (options) => strategyCard(strategy, options),
  });
}

export interface UpdateOptions {
  readonly strategy: string | undefined;
  readonly name: string | undefined;
  readonly tags: string[] | undefined;
  readonly description: string | undefined;
  readonly capital: string | undefined;
  readonly margin: string | undefined;
}

export async function runUpdate(deps: Deps, options: UpdateOptions): Promise<void> {
  const { amountOrNull } = await import("../terminal/typed.ts");
  const change = {
    name: options.name,
    tags: options.tags,
    description: options.description === "" ? null : options.description,
    total_capital_deployed: options.capital === undefined ? undefined : amountOrNull(options.capital, "--capital"),
    total_margin_used: options.margin === undefined ? undefined : amountOrNull(options.margin, "--margin"),
  };
  if (Object.values(change).every((value) => value === undefined)) {
    const { StratctlError } = await import("@stratctl/sdk");
    throw new StratctlError("input_invalid", "nothing to change was given", { hint: "e.g. stratctl strategy update condor --tag weekly" });
  }
  const { strategy_id } = await neededStrategy(deps, options.strategy, "stratctl strategy update condor --tag weekly");
  const api = await deps.connect();
  await deliverOne(deps, await api.strategies.update({ strategy_id, ...change }, { signal: deps.signal }), "Updated");
}

/** Closes all open legs at the last quotes. */
export async function runClose(deps: Deps, { strategy }: { strategy: string | undefined }): Promise<void> {
  const { strategy_id, name } = await neededStrategy(deps, strategy, "stratctl strategy close condor");
  const api = await deps.connect();
  const legs = await api.strategies.close({ strategy_id }, { signal: deps.signal });
  const { legDone } = await import("../views/legs.ts");
  await deliver(deps, {
    data: legs,
    rows: legs,
    fields: LEG_FIELDS,
    view: (view) => (legs.length === 0 ? `${name} has no open legs` : legs.map((leg) => legDone(leg, "Closed", view)).join("\n")),
  });
}

/** A mistake undone: its open legs go back to the default strategy, and it is archived. */
export async function runExit(deps: Deps, { strategy }: { strategy: string | undefined }): Promise<void> {
  const { strategy_id } = await neededStrategy(deps, strategy, "stratctl strategy exit condor");
  const api = await deps.connect();
  await deliverOne(deps, await api.strategies.archive({ strategy_id, move_to_default: true }, { signal: deps.signal }), "Archived");
}

export async function runArchive(deps: Deps, { strategy }: { strategy: string | undefined }): Promise<void> {
  const { strategy_id } = await neededStrategy(deps, strategy, "stratctl strategy archive condor");
  const api = await deps.connect();
  const archived = await api.strategies.archive({ strategy_id }, { signal: deps.signal });
  await deliverOne(deps, archived, "Archived");
  const count = archived.instrument_count;
  if (count > 0)
    deps.screen.note(
      `${count} open ${count === 1 ? "leg is" : "legs are"} marked no more; stratctl strategy exit ${strategy_id} moves them to the default strategy\n`,
    );
}

async function deliverOne(deps: Deps, strategy: Strategy, done: string): Promise<void> {
  const { strategyDone } = await import("../views/strategies.ts");
  await deliver(deps, { data: strategy, rows: [strategy], fields: STRATEGY_FIELDS, view: () => strategyDone(strategy, done) });
}
