-- A transfer is one row, in place of an entry for its debit and one for its credit. seq numbers a scope's transfers in
-- order, without gaps: transfer n is the entries 2n - 1, its debit, and 2n, its credit.
--
-- Clustered by debit account, so that only credits need an index; both are read newest first.
CREATE TABLE ledger_transfers (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  seq INTEGER NOT NULL,
  debit_account_id INTEGER NOT NULL REFERENCES ledger_accounts (id),
  credit_account_id INTEGER NOT NULL REFERENCES ledger_accounts (id) CHECK (credit_account_id <> debit_account_id),
  -- The charge, the refund or the dispute that it belongs to.
  transaction_id TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (debit_account_id, seq)
) STRICT, WITHOUT ROWID;

-- A debit has an odd number, and its credit the next one. The debits are read in the order of the new table, and each
-- credit is found in the index by transaction alone.
INSERT INTO ledger_transfers
  (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at)
SELECT d.account_id, d.live, (d.seq + 1) / 2, d.ledger_account_id, c.ledger_account_id, d.transaction_id, d.amount,
  d.created_at
FROM ledger_entries d
CROSS JOIN ledger_entries c INDEXED BY ledger_entries_by_transaction
  ON c.account_id = d.account_id AND c.live = d.live AND c.transaction_id = d.transaction_id AND c.seq = d.seq + 1
WHERE d.seq % 2 = 1
ORDER BY d.ledger_account_id, d.seq;

DROP TABLE ledger_entries;
CREATE INDEX ledger_transfers_by_credit ON ledger_transfers (credit_account_id, seq);
CREATE INDEX ledger_transfers_by_transaction ON ledger_transfers (account_id, live, transaction_id, seq);
