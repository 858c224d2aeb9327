-- Every row carries an account and whether it is live (1) or test (0).
-- Times are ms since 1970; amounts are minor units. STRICT: a float can't enter an INTEGER column.

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO accounts (id, name, created_at) VALUES (1, 'default', 0);

-- Ids begin with their time, so new rows go to the end of the tree and lists need no other order.
CREATE TABLE charges (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  amount_refunded INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount),
  currency TEXT NOT NULL,
  customer TEXT NOT NULL,
  status TEXT NOT NULL,
  payment_method TEXT,
  description TEXT,
  metadata TEXT,
  provider TEXT NOT NULL,
  provider_reference TEXT,
  decline_code TEXT,
  failure_message TEXT,
  idempotency_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX charges_by_customer ON charges (account_id, live, customer, id);
-- Most charges are and stay `succeeded`: a list of those reads the charges themselves.
CREATE INDEX charges_by_status ON charges (account_id, live, status, id) WHERE status <> 'succeeded';
CREATE INDEX charges_by_currency ON charges (account_id, live, currency, id);

CREATE TABLE refunds (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  customer TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  description TEXT,
  metadata TEXT,
  idempotency_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_transaction ON refunds (account_id, live, transaction_id, id);
CREATE INDEX refunds_by_customer ON refunds (account_id, live, customer, id);
CREATE INDEX refunds_by_status ON refunds (account_id, live, status, id);
CREATE INDEX refunds_by_currency ON refunds (account_id, live, currency, id);

-- Rows stay in the order they were made, so the purge reads the oldest without an index on time.
CREATE TABLE idempotency_keys (
  seq INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  answer_kind TEXT NOT NULL,
  -- Null when it is what the event tells, as for every new charge: most answers are stored once.
  answer_body TEXT,
  event_seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_keys_by_key ON idempotency_keys (account_id, live, key);

-- Balances are kept by the commit that posts the entries: reading one never scans.
CREATE TABLE ledger_accounts (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  code TEXT NOT NULL,
  currency TEXT NOT NULL,
  balance INTEGER NOT NULL,
  UNIQUE (account_id, live, code, currency)
) STRICT;

-- Clustered by account, so that an account's entries need no index; seq numbers a scope's entries in order.
CREATE TABLE ledger_entries (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  seq INTEGER NOT NULL,
  ledger_account_id INTEGER NOT NULL REFERENCES ledger_accounts (id),
  transaction_id TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount <> 0),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (ledger_account_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_entries_by_transaction ON ledger_entries (account_id, live, transaction_id, seq);

CREATE TABLE counters (
  account_id INTEGER NOT NULL,
  live INTEGER NOT NULL,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, name, currency)
) STRICT, WITHOUT ROWID;

-- Numbered without gaps in each account and mode.
CREATE TABLE events (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_type ON events (account_id, live, type, seq) WHERE type <> 'payment.succeeded';

-- A claim moves due_at to the end of its lease: due work and work whose lease ran out are one index scan.
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  endpoint TEXT NOT NULL,
  event_seq INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL,
  due_at INTEGER,
  token TEXT,
  last_status INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (endpoint, due_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_failed ON deliveries (account_id, live, id) WHERE state = 'failed';
