import { z } from "zod";
import { parseInput } from "../input.ts";
import { LEFT_OUT } from "../left-out.ts";
import type { EventRoute, Method, Route } from "../route.ts";

/** A call as it is sent, without what says who calls. */
export interface WireRequest {
  readonly method: Method;
  /** With the query. */
  readonly path: string;
  /** JSON; null where the route takes none. */
  readonly body: string | null;
}

export interface RequestOptions {
  /** Put before every path: "" or `/tradingview-api`. */
  readonly prefix: string;
  /** The account of a call that names none, where the route takes one. */
  readonly account_id: string | null;
}

const Fields = z.record(z.string(), z.unknown());

/**
 * A call's input, checked before anything is sent and put where the route says: what is refused here is refused with the same
 * words as in process. Throws `input_invalid`.
 */
export function requestOf(route: Route | EventRoute, input: unknown, { prefix, account_id }: RequestOptions): WireRequest {
  const { path, query, body } = route.places;
  const given = Fields.parse(parseInput(route.input, input));
  const takesAccount = [...path, ...query, ...body].includes("account_id");
  const fields = takesAccount && account_id !== null && given["account_id"] === undefined ? { ...given, account_id } : given;
  const at = route.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => segment(fields[field]));
  const search = query.flatMap((field) => pairs(field, fields[field])).join("&");
  const inBody = Object.fromEntries(body.flatMap((field) => (fields[field] === undefined ? [] : [[field, fields[field]]])));
  return {
    method: route.method,
    path: `${prefix}${at}${search === "" ? "" : `?${search}`}`,
    body: body.length === 0 ? null : JSON.stringify(inBody),
  };
}

/** One part of a path. Dots alone would be taken for a way up by what lies between. */
function segment(value: unknown): string {
  const text = value === undefined ? LEFT_OUT : encoded(value);
  return /^\.{1,2}$/.test(text) ? text.replaceAll(".", "%2E") : text;
}

/** A list is its field again and again. */
function pairs(field: string, value: unknown): string[] {
  if (value === undefined) return [];
  // Hundreds of instruments stand in one query, and a colon may stand there as it is.
  return [value].flat().map((one) => `${encodeURIComponent(field)}=${encoded(one).replaceAll("%3A", ":")}`);
}

function encoded(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return encodeURIComponent(text.toWellFormed());
}
