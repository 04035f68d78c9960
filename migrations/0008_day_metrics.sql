-- What a day went through beside what it ended with, so that a range of days is told without its minutes.
alter table strategy_pnl_metrics
  -- Of the P&L since entry, within the day.
  add column high_pnl numeric(18,4),
  add column low_pnl numeric(18,4),
  -- The greatest fall within the day, from the close before on; max_drawdown is that since the start.
  add column day_drawdown numeric(18,4),
  add column profit_factor numeric(18,4),
  add constraint strategy_pnl_metrics_day_range check (
    abs(high_pnl) <= 500000000000 and abs(low_pnl) <= 500000000000 and low_pnl <= high_pnl
    and day_drawdown >= 0 and abs(day_drawdown) <= 500000000000
    and profit_factor >= 0 and abs(profit_factor) <= 500000000000
  );
