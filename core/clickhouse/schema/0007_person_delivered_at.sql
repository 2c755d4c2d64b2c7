-- When a row of a person came: batches come one after the other, each with a later time, so who reads in this order and goes on
-- where it stopped misses nothing.
ALTER TABLE person ADD COLUMN IF NOT EXISTS delivered_at DateTime64(6, 'UTC') DEFAULT now64(6);
ALTER TABLE person ADD INDEX IF NOT EXISTS by_delivery delivered_at TYPE minmax GRANULARITY 1;
