export { ERRORS, StratctlError, type ErrorCode } from "./errors.ts";
