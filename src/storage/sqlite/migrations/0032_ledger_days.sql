-- The totals of each ledger account by day (UTC), of the transfers in slices. The worker that adds a slice adds it to the
-- days. It begins again with the first slice, so that the days have all transfers from before this upgrade, too.
DELETE FROM ledger_checkpoints;
DROP TABLE ledger_slices;
CREATE TABLE ledger_slices (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  number INTEGER NOT NULL CHECK (number > 0),
  -- The earliest time of its transfers, and the latest of those up to its end: it grows with the number.
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL,
  -- How many rows of `ledger_days` have its transfers.
  days INTEGER NOT NULL CHECK (days > 0),
  PRIMARY KEY (account_id, live, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_slices_by_latest ON ledger_slices (account_id, live, latest, number);

CREATE TABLE ledger_days (
  ledger_account_id INTEGER NOT NULL REFERENCES ledger_accounts (id),
  -- Days since 1970.
  day INTEGER NOT NULL,
  entries INTEGER NOT NULL CHECK (entries > 0),
  -- Sums in two parts, so that none of them overflows 64 bits: the first times 2^32, and the second.
  debits_high INTEGER NOT NULL,
  debits_low INTEGER NOT NULL,
  credits_high INTEGER NOT NULL,
  credits_low INTEGER NOT NULL,
  -- The sum of the entries up to the end of the day.
  balance INTEGER NOT NULL,
  PRIMARY KEY (ledger_account_id, day)
) STRICT, WITHOUT ROWID;
