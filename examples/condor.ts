import { connect } from "@stratctl/sdk";

// An iron condor on NIFTY, and what is known of its session. Run again, it finds the strategy that it made.
await using stratctl = await connect();

const [account] = await stratctl.accounts.list({});
const { account_id } = account ?? (await stratctl.accounts.create({ account_id: "XJ4540" }));
const { strategy_id, instrument_count } = await stratctl.strategies.getOrCreate({ account_id, name: "Condor", tags: ["weekly"] });

if (instrument_count === 0) {
  const legs = [
    { direction: "BUY", tradingsymbol: "NIFTY2580724400PE", entry_price: 64.95 },
    { direction: "SELL", tradingsymbol: "NIFTY2580724600PE", entry_price: 111.95 },
    { direction: "SELL", tradingsymbol: "NIFTY2580725000CE", entry_price: 98.1 },
    { direction: "BUY", tradingsymbol: "NIFTY2580725200CE", entry_price: 65.9 },
  ];
  for (const leg of legs) await stratctl.strategies.legs.add({ strategy_id, lots: 1, ...leg });
}

for (const leg of await stratctl.strategies.legs.list({ strategy_id }))
  console.log(leg.direction, leg.quantity, leg.instrument, leg.entry_price, leg.current_pnl ?? "no price yet");

const candles = await stratctl.strategies.m2m.history({ strategy_id, interval: "15m" });
console.log(`${candles.length} candles of 15 minutes`);
for (const candle of candles) console.log(candle.timestamp, candle.pnl_open, candle.pnl_high, candle.pnl_low, candle.pnl_close);
