-- The event log is the queue of webhooks: an endpoint has a cursor over the events of its scope. A delivery has a row only
-- once its first attempt ended, or while it waits for an earlier one of its object.
CREATE TABLE webhook_endpoints (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  -- 'default' is the one of the setting WEBHOOK_TARGET.
  id TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  url TEXT NOT NULL,
  description TEXT,
  metadata TEXT,
  -- Filters as JSON.
  events TEXT NOT NULL,
  headers TEXT,
  rate_limit INTEGER CHECK (rate_limit > 0),
  -- Waits in ms as JSON; NULL: the default schedule.
  schedule TEXT,
  format TEXT NOT NULL CHECK (format IN ('minipay', 'original', 'stripe')),
  ordered INTEGER NOT NULL CHECK (ordered IN (0, 1)),
  -- Sealed secrets as JSON, the newest first.
  secrets TEXT NOT NULL,
  disable_after_ms INTEGER,
  status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
  disabled_reason TEXT CHECK (disabled_reason IN ('request', 'gone', 'failing')),
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  PRIMARY KEY (account_id, live, id),
  CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_endpoints_listed ON webhook_endpoints (account_id, live, id) WHERE deleted_at IS NULL;

-- One for each endpoint that is not deleted.
CREATE TABLE webhook_cursors (
  account_id INTEGER NOT NULL,
  live INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  -- Every event up to it is settled, passed by the filter, or has a delivery.
  position INTEGER NOT NULL,
  -- The greatest number of an event that has a delivery; 0 if there is none.
  reach INTEGER NOT NULL,
  token TEXT,
  lease_until INTEGER,
  failing_since INTEGER,
  warned_at INTEGER,
  -- The deliveries in these states.
  pending INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, endpoint),
  FOREIGN KEY (account_id, live, endpoint) REFERENCES webhook_endpoints (account_id, live, id),
  CHECK ((token IS NULL) = (lease_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_cursors_held ON webhook_cursors (token) WHERE token IS NOT NULL;

CREATE TABLE webhook_replays (
  account_id INTEGER NOT NULL,
  live INTEGER NOT NULL,
  id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('past', 'failed')),
  -- Event types as JSON; NULL: all that the endpoint wants.
  types TEXT,
  -- Of the events after from_seq, up to and including to_seq.
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  position INTEGER NOT NULL CHECK (position BETWEEN from_seq AND to_seq),
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'canceled')),
  sent INTEGER NOT NULL,
  delivered INTEGER NOT NULL CHECK (delivered BETWEEN 0 AND sent),
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (account_id, live, id),
  FOREIGN KEY (account_id, live, endpoint) REFERENCES webhook_endpoints (account_id, live, id),
  CHECK ((state = 'running') = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_replays_by_endpoint ON webhook_replays (account_id, live, endpoint, id);
CREATE INDEX webhook_replays_running ON webhook_replays (account_id, live, endpoint, id) WHERE state = 'running';

-- Ids begin with the time of the event, so new rows go to the end of the tree. A row that is delivered at the first
-- attempt is in no other index.
CREATE TABLE webhook_deliveries (
  account_id INTEGER NOT NULL,
  live INTEGER NOT NULL,
  id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  event_seq INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  -- The charge's id.
  object TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL,
  -- NULL while it waits for an earlier one of its object.
  due_at INTEGER,
  revision INTEGER NOT NULL,
  -- As JSON, the oldest first.
  tries TEXT NOT NULL,
  -- The time of the event.
  created_at INTEGER NOT NULL,
  settled_at INTEGER,
  PRIMARY KEY (account_id, live, id),
  FOREIGN KEY (account_id, live, endpoint) REFERENCES webhook_endpoints (account_id, live, id),
  CHECK ((state = 'pending') = (settled_at IS NULL)),
  CHECK (due_at IS NULL OR state = 'pending')
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (account_id, live, state, id) WHERE state <> 'delivered';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (account_id, live, endpoint, due_at, id)
  WHERE due_at IS NOT NULL;
-- For a clock that was set back.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (account_id, live, endpoint, object, event_seq)
  WHERE state = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (account_id, live, endpoint, event_seq)
  WHERE state = 'failed';

-- Until now, every event of a scope was stored with a delivery to the endpoint of WEBHOOK_TARGET. Those that wait go on
-- waiting, those that failed are the dead letter, and all keep their ids. The next start gives the endpoint its URL.
INSERT INTO webhook_endpoints
  (account_id, live, id, version, url, events, format, ordered, secrets, status, disabled_reason, created_at)
SELECT account_id, live, endpoint, 1, '', '[]', 'original', 0, '[]', 'disabled', 'request', min(created_at)
FROM deliveries GROUP BY account_id, live, endpoint;

INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
SELECT account_id, live, endpoint,
  max(
    coalesce((SELECT max(seq) FROM events e WHERE e.account_id = d.account_id AND e.live = d.live), 0),
    (SELECT max(first_seq) - 1 FROM epochs)),
  max(event_seq), sum(state = 'pending'), sum(state = 'failed')
FROM deliveries d GROUP BY account_id, live, endpoint;

-- When an attempt was made was not stored, and only the last one's status: it has the time of the event.
INSERT INTO webhook_deliveries
  (account_id, live, id, endpoint, event_seq, event_id, event_type, object, state, attempts, due_at, revision, tries,
   created_at, settled_at)
SELECT d.account_id, d.live, d.id, d.endpoint, d.event_seq, e.id, e.type,
  CASE WHEN substr(e.data, 1, 21) = '{"charge":{"id":"txn_' THEN substr(e.data, 18, 30) END,
  d.state, d.attempts,
  CASE WHEN d.state = 'pending' THEN CASE WHEN d.token IS NULL THEN d.due_at ELSE d.created_at END END, 0,
  CASE WHEN d.last_status IS NULL AND d.last_error IS NULL THEN '[]'
    ELSE json_array(json_object('at', d.created_at, 'ms', 0, 'status', d.last_status, 'error', d.last_error,
      'answer', NULL, 'why', 'event')) END,
  d.created_at, CASE WHEN d.state <> 'pending' THEN d.created_at END
FROM deliveries d JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
ORDER BY d.account_id, d.live, d.id;

DROP TABLE deliveries;
