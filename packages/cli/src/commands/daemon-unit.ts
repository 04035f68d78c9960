/** What a unit is made of: where stratctl is, and which systemd reads it. */
export interface UnitPlace {
  /** Absolute path of the node that runs it. */
  readonly node: string;
  /** Absolute path of the program that node runs. */
  readonly main: string;
  /** Of stratctl. */
  readonly version: string;
  /** Major version of the systemd that is here; null where there is none to ask. */
  readonly systemd: number | null;
}

export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** What a user's daemon finds by its environment; null: by default. */
export interface UserPlace extends UnitPlace {
  /** The folder of the built-in database. */
  readonly data: string;
  readonly config: string | null;
  /** False where the configuration names a database of its own. */
  readonly is_builtin: boolean;
}

export const DAEMON_UNIT = "stratctl.service";
export const DATABASE_UNIT = "stratctl-database.service";

/** Where the system's daemon keeps and finds what it needs. */
export const SYSTEM = {
  config: "/etc/stratctl/config.json",
  /** Each file is a credential of its name: `database_url`. */
  credentials: "/etc/stratctl/credentials",
  state: "/var/lib/stratctl",
} as const;

/** The one secret that the service cannot do without. */
export const DATABASE_URL_FILE = `${SYSTEM.credentials}/database_url`;

/** How the folder of secrets is known among the unit's credentials: `database_url` of it is `stratctl_database_url` there. */
export const CREDENTIALS_ID = "stratctl";

/** By which a unit is known as one of ours. */
export const MADE_BY = "# Made by: stratctl daemon install";

/** Folders that the hardened unit does not see, or sees empty ones in their place. */
export const HIDDEN_FOLDERS: readonly string[] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/** The daemon of a machine: a user of its own that exists while it runs, and no more of the machine than it needs. */
export function systemUnit(place: UnitPlace): Unit {
  const text = `${madeBy(place, "stratctl")}
[Unit]
Description=stratctl: strategies marked to market through every minute
Wants=network-online.target
# The order matters at shutdown: what was sampled last is written before these end.
After=network-online.target postgresql.service redis-server.service redis.service
StartLimitIntervalSec=0
# Without it there would be a built-in database, and nobody's strategies.
AssertPathExists=${DATABASE_URL_FILE}

[Service]
${running(place)}

Environment=STRATCTL_CONFIG=${SYSTEM.config}
Environment=STRATCTL_DATA=${SYSTEM.state}
# A file each: database_url, and as needed redis_url, redis_password, jwt_secret.
LoadCredential=${CREDENTIALS_ID}:${SYSTEM.credentials}
User=stratctl
DynamicUser=yes
StateDirectory=stratctl
StateDirectoryMode=0700
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
PrivateMounts=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Netlink is how a server that listens on every address learns which there are.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK

[Install]
WantedBy=multi-user.target
`;
  return { name: DAEMON_UNIT, text };
}

/**
 * The daemon of a user, with the built-in database in a unit of its own: it outlives a daemon that is started anew, and is
 * shut down, not killed, when the user's last session ends.
 */
export function userUnits(place: UserPlace): Unit[] {
  const { data, config, is_builtin } = place;
  const environment = [
    `Environment=${quoted(`STRATCTL_DATA=${data}`)}`,
    ...(config === null ? [] : [`Environment=${quoted(`STRATCTL_CONFIG=${config}`)}`]),
  ].join("\n");
  const database = `${madeBy(place, DATABASE_UNIT.replace(".service", ""))}
[Unit]
Description=stratctl: the built-in database

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${program(place)} db start
ExecStop=${program(place)} db stop
TimeoutStartSec=180
TimeoutStopSec=90
${environment}
NoNewPrivileges=yes
UMask=0077
`;
  const daemon = `${madeBy(place, "stratctl")}
[Unit]
Description=stratctl: strategies marked to market through every minute
StartLimitIntervalSec=0
${is_builtin ? `Wants=${DATABASE_UNIT}\nAfter=${DATABASE_UNIT}\n` : ""}
[Service]
${running(place)}

${environment}
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
`;
  return [...(is_builtin ? [{ name: DATABASE_UNIT, text: database }] : []), { name: DAEMON_UNIT, text: daemon }];
}

function madeBy({ version }: UnitPlace, name: string): string {
  return `${MADE_BY}, of stratctl ${version}. Changes of your own: systemctl edit ${name}`;
}

/** How the daemon is run and watched, whoever's it is. */
function running(place: UnitPlace): string {
  // Keys that an older systemd would complain of.
  const backOff = (place.systemd ?? 0) >= BACK_OFF_SINCE ? "\nRestartSteps=6\nRestartMaxDelaySec=60" : "";
  return `Type=notify
# It speaks by systemd-notify, a child of its own.
NotifyAccess=all
ExecStart=${program(place)} daemon
ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'
Restart=always
RestartSec=5${backOff}
# 2: what it was told cannot be right, and does not become so by itself.
RestartPreventExitStatus=2
WatchdogSec=30
TimeoutStartSec=180
# It leaves within five seconds.
TimeoutStopSec=15
KillMode=mixed
# A core would hold the database's password.
LimitCORE=0`;
}

/** RestartSteps= and RestartMaxDelaySec= came with it. */
const BACK_OFF_SINCE = 254;

function program({ node, main }: UnitPlace): string {
  return `${quoted(node)} ${quoted(main).replaceAll("$", "$$$$")}`;
}

/** A word as a unit has it: `%` is a specifier there, and a blank ends it. */
function quoted(word: string): string {
  const text = word.replaceAll("%", "%%");
  return /[\s"'\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"` : text;
}
