-- Charges that pass through remote providers: what is held, captured, pending and disputed, each call to a
-- provider, disputes, routing rules, and what providers tell us.

ALTER TABLE charges ADD COLUMN amount_captured INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charges ADD COLUMN amount_refund_pending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charges ADD COLUMN amount_disputed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charges ADD COLUMN capture INTEGER NOT NULL DEFAULT 1;
ALTER TABLE charges ADD COLUMN redirect_url TEXT;
ALTER TABLE charges ADD COLUMN expires_at INTEGER;
-- Until now a charge that did not fail was taken at once, and whole.
UPDATE charges SET amount_captured = amount WHERE status <> 'failed';

ALTER TABLE refunds ADD COLUMN provider_reference TEXT;
ALTER TABLE refunds ADD COLUMN decline_code TEXT;
ALTER TABLE refunds ADD COLUMN failure_message TEXT;

-- Found by id alone: a worker and a provider's answer know an attempt, and not whose it is.
CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  transaction_id TEXT NOT NULL,
  refund_id TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('authorize', 'capture', 'cancel', 'refund')),
  provider TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('sending', 'pending', 'unknown', 'succeeded', 'declined', 'not_sent')),
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  -- JSON; of an authorization.
  route TEXT,
  provider_reference TEXT,
  decline_code TEXT,
  reason TEXT,
  resolved_by TEXT,
  idempotency_key TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  lookups INTEGER NOT NULL,
  unknown_since INTEGER CHECK (state <> 'unknown' OR unknown_since IS NOT NULL),
  due_at INTEGER,
  token TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_scope ON attempts (account_id, live, id);
CREATE INDEX attempts_by_transaction ON attempts (account_id, live, transaction_id, id);
-- The state first: what a dead process was sending is found in every scope. Most attempts succeed: a list of
-- those reads the attempts themselves.
CREATE INDEX attempts_by_state ON attempts (state, account_id, live, id) WHERE state <> 'succeeded';
CREATE UNIQUE INDEX attempts_by_reference ON attempts (provider, kind, provider_reference)
  WHERE kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL;
-- A claim moves due_at to the end of its lease: due work and work whose lease ran out are one index scan.
CREATE INDEX attempts_due ON attempts (provider, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX attempts_unknown ON attempts (unknown_since) WHERE state = 'unknown';

CREATE TABLE disputes (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  provider_reference TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  customer TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  reason TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_by_transaction ON disputes (account_id, live, transaction_id, id);
CREATE UNIQUE INDEX disputes_by_reference ON disputes (account_id, live, provider, provider_reference);

-- Every version stays: attempts name the one that chose their provider.
CREATE TABLE rule_sets (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  version INTEGER NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, version)
) STRICT, WITHOUT ROWID;

-- Of no scope yet: whose it is becomes known when it is acted on.
CREATE TABLE notifications (
  id TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  notification_id TEXT NOT NULL,
  about TEXT NOT NULL CHECK (about IN ('attempt', 'payment', 'refund', 'dispute', 'nothing')),
  -- Our attempt's id, or the provider's reference of what it is about.
  reference TEXT CHECK ((reference IS NULL) = (about = 'nothing')),
  state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
  tries INTEGER NOT NULL,
  due_at INTEGER,
  token TEXT,
  last_error TEXT,
  received_at INTEGER NOT NULL,
  UNIQUE (provider, notification_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_due ON notifications (due_at, id) WHERE state = 'pending';
CREATE INDEX notifications_settled ON notifications (received_at, id) WHERE state <> 'pending';
