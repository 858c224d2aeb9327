-- The audit log: one row for each administrative action, in the transaction of the change that it records. MiniPay never
-- changes or deletes a row. seq numbers a scope's rows in their order, without gaps.
CREATE TABLE audit_log (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  id TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  created_at INTEGER NOT NULL,
  -- The id of an access key, or keyless, cli or server.
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  -- The id of the object that was changed.
  object TEXT,
  -- The object before and after, as JSON without secrets.
  before TEXT,
  after TEXT,
  -- Of the request.
  address TEXT,
  request_id TEXT,
  PRIMARY KEY (account_id, live, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX audit_log_by_seq ON audit_log (account_id, live, seq);
CREATE INDEX audit_log_by_action ON audit_log (account_id, live, action, id);
CREATE INDEX audit_log_by_actor ON audit_log (account_id, live, actor, id);
CREATE INDEX audit_log_by_object ON audit_log (account_id, live, object, id) WHERE object IS NOT NULL;
