-- The audit log: one row for each administrative action, in the transaction of the change that it records. MiniPay never
-- changes or deletes a row. seq numbers a scope's rows in their order, without gaps.
CREATE TABLE audit_log (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  created_at bigint NOT NULL,
  -- The id of an access key, or keyless, cli or server.
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  -- The id of the object that was changed.
  object text COLLATE "C",
  -- The object before and after, as JSON without secrets.
  before text,
  after text,
  -- Of the request.
  address text,
  request_id text,
  PRIMARY KEY (account_id, live, id)
);

CREATE UNIQUE INDEX audit_log_by_seq ON audit_log (account_id, live, seq);
CREATE INDEX audit_log_by_action ON audit_log (account_id, live, action, id);
CREATE INDEX audit_log_by_actor ON audit_log (account_id, live, actor, id);
CREATE INDEX audit_log_by_object ON audit_log (account_id, live, object, id) WHERE object IS NOT NULL;

-- The last number of a scope's audit log. Without a default: a node of a former version, which would leave rows out of
-- the chains, can commit nothing any more.
ALTER TABLE sequences ADD COLUMN audit bigint NOT NULL DEFAULT 0;
ALTER TABLE sequences ALTER COLUMN audit DROP DEFAULT;
