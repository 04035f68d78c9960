import { isIPv4 } from "node:net";
import { StratctlError } from "../../errors.ts";

export interface ServerUrlOptions {
  /** True where a token is sent: it can be read by whoever carries it, unless the connection is encrypted. */
  readonly has_token: boolean;
  /** True: a token may go over http:// to another machine. */
  readonly insecure_http: boolean;
}

/** Whether a URL is that of a server, and not of a database. */
export function isServerUrl(url: string): boolean {
  return /^https?:/i.test(url.trim());
}

/** The URL of a server, checked. Throws `url_invalid`, whose text holds nothing that may be secret. */
export function serverUrl(text: string, { has_token, insecure_http }: ServerUrlOptions): URL {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:\/\//i.test(text.trim()))
    throw refused("the URL of the server is not https://host:port or http://host:port", "e.g. http://127.0.0.1:8081");
  if (url.username !== "" || url.password !== "")
    throw refused(
      "the URL of the server holds a user or a password",
      "leave them out, and give a token: STRATCTL_TOKEN_FILE or connect({ token })",
    );
  if (url.search !== "" || url.hash !== "")
    throw refused("the URL of the server has a query or a fragment", "give what stands before the ? or #");
  if (has_token && !insecure_http && url.protocol === "http:" && !isLoopback(url.hostname))
    throw refused(
      `${url.origin} is not encrypted, and the token could be read on the way`,
      "use https://, or where the network is yours alone say so: insecure_http, or STRATCTL_INSECURE_HTTP=1",
    );
  return url;
}

/**
 * Whether a host, as a URL or a setting names it, is this machine and nothing else. A name under `.localhost` is not counted: not
 * every resolver keeps it here.
 */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

function refused(message: string, hint: string): StratctlError {
  return new StratctlError("url_invalid", message, { hint });
}
