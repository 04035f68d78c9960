/** Underlyings of derivatives that are indices, by the name that contracts have: NSE's and BSE's contract specifications. */
export const INDICES: ReadonlySet<string> = new Set([
  "NIFTY",
  "BANKNIFTY",
  "FINNIFTY",
  "MIDCPNIFTY",
  "NIFTYNXT50",
  "SENSEX",
  "BANKEX",
  "SENSEX50",
]);
