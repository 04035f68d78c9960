/**
 * How to call pnpm: as it called us, which asks no registry, else by npx. The version is the one that the README names;
 * its lock file is this clone's.
 */
export const pnpm: readonly [program: string, ...args: string[]] = process.env["npm_config_user_agent"]?.startsWith("pnpm/")
  ? ["pnpm"]
  : ["npx", "-y", "pnpm@12.4.2"];
