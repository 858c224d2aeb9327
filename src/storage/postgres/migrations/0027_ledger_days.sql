-- The totals of each ledger account by day (UTC), of the transfers in slices. The worker that adds a slice adds it to the
-- days. It begins again with the first slice, so that the days have all transfers from before this upgrade, too.
DELETE FROM ledger_checkpoints;
DELETE FROM ledger_slices;
-- How many rows of `ledger_days` have its transfers. Without a default: a node of the former version adds no slice whose
-- days would be missing.
ALTER TABLE ledger_slices ADD COLUMN days integer NOT NULL CHECK (days > 0);

CREATE TABLE ledger_days (
  ledger_account_id bigint NOT NULL,
  -- Days since 1970.
  day integer NOT NULL,
  entries bigint NOT NULL,
  -- Sums in two parts, so that none of them overflows 64 bits: the first times 2^32, and the second.
  debits_high bigint NOT NULL,
  debits_low bigint NOT NULL,
  credits_high bigint NOT NULL,
  credits_low bigint NOT NULL,
  -- The sum of the entries up to the end of the day.
  balance bigint NOT NULL,
  PRIMARY KEY (ledger_account_id, day)
);
