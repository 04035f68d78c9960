-- A book as of an instant takes from legs what was added to them later: of the book of this minute that is nothing, and found so at once.
create index strategy_fills_entry_idx on strategy_fills (at) where cost_method is null;
