-- The balances after each 1,024 transfers of a scope, for balances at a time: slice n ends with transfer 1024n. A worker
-- adds the slices, those of the transfers before this upgrade too.
CREATE TABLE ledger_slices (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  number INTEGER NOT NULL CHECK (number > 0),
  -- The earliest time of its transfers, and the latest of those up to its end: it grows with the number.
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_slices_by_latest ON ledger_slices (account_id, live, latest, number);

-- Only of accounts whose balance changed in the slice.
CREATE TABLE ledger_checkpoints (
  ledger_account_id INTEGER NOT NULL REFERENCES ledger_accounts (id),
  slice INTEGER NOT NULL CHECK (slice > 0),
  balance INTEGER NOT NULL,
  PRIMARY KEY (ledger_account_id, slice)
) STRICT, WITHOUT ROWID;
