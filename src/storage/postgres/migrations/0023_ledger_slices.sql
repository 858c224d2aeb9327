-- The balances after each 1,024 transfers of a scope, for balances at a time: slice n ends with transfer 1024n. A worker
-- adds the slices, those of the transfers before this upgrade too.
CREATE TABLE ledger_slices (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  number bigint NOT NULL CHECK (number > 0),
  -- The earliest time of its transfers, and the latest of those up to its end: it grows with the number.
  earliest bigint NOT NULL,
  latest bigint NOT NULL,
  PRIMARY KEY (account_id, live, number)
);
CREATE INDEX ledger_slices_by_latest ON ledger_slices (account_id, live, latest, number);

-- Only of accounts whose balance changed in the slice.
CREATE TABLE ledger_checkpoints (
  ledger_account_id bigint NOT NULL,
  slice bigint NOT NULL CHECK (slice > 0),
  balance bigint NOT NULL,
  PRIMARY KEY (ledger_account_id, slice)
);
