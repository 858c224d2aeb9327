-- Alarms; what of a dispute stands in the ledger; and checks that make impossible amounts of a charge impossible to
-- store. SQLite takes a check only with a new table: the rows are copied, and the table takes the old one's name.

CREATE TABLE charges_checked (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  amount_captured INTEGER NOT NULL DEFAULT 0 CHECK (amount_captured >= 0),
  amount_refunded INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount),
  amount_refund_pending INTEGER NOT NULL DEFAULT 0 CHECK (amount_refund_pending >= 0),
  amount_disputed INTEGER NOT NULL DEFAULT 0 CHECK (amount_disputed BETWEEN 0 AND amount_captured),
  currency TEXT NOT NULL,
  customer TEXT NOT NULL,
  status TEXT NOT NULL,
  capture INTEGER NOT NULL DEFAULT 1,
  payment_method TEXT,
  description TEXT,
  metadata TEXT,
  provider TEXT NOT NULL,
  provider_reference TEXT,
  decline_code TEXT,
  failure_message TEXT,
  redirect_url TEXT,
  expires_at INTEGER,
  idempotency_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, id),
  CHECK (amount_refunded + amount_refund_pending <= amount_captured)
) STRICT, WITHOUT ROWID;
INSERT INTO charges_checked
  (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending, amount_disputed,
   currency, customer, status, capture, payment_method, description, metadata, provider, provider_reference,
   decline_code, failure_message, redirect_url, expires_at, idempotency_key, created_at)
SELECT account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending, amount_disputed,
  currency, customer, status, capture, payment_method, description, metadata, provider, provider_reference,
  decline_code, failure_message, redirect_url, expires_at, idempotency_key, created_at
FROM charges
ORDER BY account_id, live, id;
DROP TABLE charges;
ALTER TABLE charges_checked RENAME TO charges;
CREATE INDEX charges_by_customer ON charges (account_id, live, customer, id);
-- Most charges are and stay `succeeded`: a list of those reads the charges themselves.
CREATE INDEX charges_by_status ON charges (account_id, live, status, id) WHERE status <> 'succeeded';
CREATE INDEX charges_by_currency ON charges (account_id, live, currency, id);

CREATE TABLE disputes_checked (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  provider_reference TEXT NOT NULL,
  -- As the provider says it, in whatever currency.
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  -- What of it stands in the ledger, in the charge's currency.
  amount_booked INTEGER NOT NULL CHECK (amount_booked >= 0 AND (status <> 'won' OR amount_booked = 0)),
  customer TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  reason TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;
-- Until now a dispute was booked whole, or not stored.
INSERT INTO disputes_checked
  (account_id, live, id, transaction_id, provider, provider_reference, amount, currency, amount_booked, customer,
   status, reason, created_at)
SELECT account_id, live, id, transaction_id, provider, provider_reference, amount, currency,
  CASE status WHEN 'won' THEN 0 ELSE amount END, customer, status, reason, created_at
FROM disputes;
DROP TABLE disputes;
ALTER TABLE disputes_checked RENAME TO disputes;
CREATE INDEX disputes_by_transaction ON disputes (account_id, live, transaction_id, id);
CREATE UNIQUE INDEX disputes_by_reference ON disputes (account_id, live, provider, provider_reference);

-- What providers said that does not fit the books: of their charge's aggregate, few, and never deleted.
CREATE TABLE alarms (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  attempt_id TEXT,
  dispute_id TEXT,
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  said TEXT NOT NULL,
  reference TEXT,
  amount INTEGER CHECK (amount >= 0),
  currency TEXT,
  message TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  in_doubt INTEGER NOT NULL CHECK (in_doubt IN (0, 1) AND (state = 'open' OR in_doubt = 0)),
  opened_at INTEGER NOT NULL,
  closed_at INTEGER CHECK ((closed_at IS NULL) = (state = 'open')),
  reason TEXT CHECK (state = 'closed' OR reason IS NULL),
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alarms_by_transaction ON alarms (account_id, live, transaction_id, id);
CREATE INDEX alarms_by_state ON alarms (account_id, live, state, id);
