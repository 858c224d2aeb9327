-- A transfer is one row, in place of an entry for its debit and one for its credit. seq numbers a scope's transfers in
-- order, without gaps: transfer n is the entries 2n - 1, its debit, and 2n, its credit.

-- A node of the former version must not book an entry that is not copied.
LOCK TABLE sequences, ledger_entries IN ACCESS EXCLUSIVE MODE;

CREATE TABLE ledger_transfers (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  seq bigint NOT NULL,
  debit_account_id bigint NOT NULL,
  credit_account_id bigint NOT NULL CHECK (credit_account_id <> debit_account_id),
  -- The charge, the refund or the dispute that it belongs to.
  transaction_id text COLLATE "C" NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  created_at bigint NOT NULL
);

-- A debit has an odd number, and its credit the next one.
INSERT INTO ledger_transfers
  (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at)
SELECT d.account_id, d.live, (d.seq + 1) / 2, d.ledger_account_id, c.ledger_account_id, d.transaction_id, d.amount,
  d.created_at
FROM ledger_entries d
JOIN ledger_entries c
  ON c.account_id = d.account_id AND c.live = d.live AND c.transaction_id = d.transaction_id AND c.seq = d.seq + 1
WHERE d.seq % 2 = 1
ORDER BY d.account_id, d.live, d.seq;

DROP TABLE ledger_entries;
ALTER TABLE ledger_transfers ADD PRIMARY KEY (debit_account_id, seq);
CREATE INDEX ledger_transfers_by_credit ON ledger_transfers (credit_account_id, seq);
CREATE INDEX ledger_transfers_by_transaction ON ledger_transfers (account_id, live, transaction_id, seq);

-- The last numbers of a scope: of its transfers, in place of its entries.
ALTER TABLE sequences RENAME COLUMN entry TO transfer;
UPDATE sequences SET transfer = transfer / 2;
