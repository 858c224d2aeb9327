-- The event log is the queue of webhooks: an endpoint has a cursor over the events of its scope. A delivery has a row only
-- once its first attempt ended, or while it waits for an earlier one of its object.
CREATE TABLE webhook_endpoints (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  -- 'default' is the one of the setting WEBHOOK_TARGET.
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  url text NOT NULL,
  description text,
  metadata text,
  -- Filters as JSON.
  events text NOT NULL,
  headers text,
  rate_limit integer CHECK (rate_limit > 0),
  -- Waits in ms as JSON; NULL: the default schedule.
  schedule text,
  format text COLLATE "C" NOT NULL CHECK (format IN ('minipay', 'original', 'stripe')),
  ordered smallint NOT NULL CHECK (ordered IN (0, 1)),
  -- Sealed secrets as JSON, the newest first.
  secrets text NOT NULL,
  disable_after_ms bigint,
  status text COLLATE "C" NOT NULL CHECK (status IN ('enabled', 'disabled')),
  disabled_reason text COLLATE "C" CHECK (disabled_reason IN ('request', 'gone', 'failing')),
  created_at bigint NOT NULL,
  deleted_at bigint,
  PRIMARY KEY (account_id, live, id),
  CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL))
);
CREATE INDEX webhook_endpoints_listed ON webhook_endpoints (account_id, live, id) WHERE deleted_at IS NULL;

-- One for each endpoint that is not deleted. Rows change with every record: room for the new versions on their page.
CREATE TABLE webhook_cursors (
  account_id integer NOT NULL,
  live smallint NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  -- Every event up to it is settled, passed by the filter, or has a delivery.
  position bigint NOT NULL,
  -- The greatest number of an event that has a delivery; 0 if there is none.
  reach bigint NOT NULL,
  token text COLLATE "C",
  -- The node that holds the lease.
  owner text COLLATE "C",
  lease_until bigint,
  failing_since bigint,
  warned_at bigint,
  -- The deliveries in these states.
  pending bigint NOT NULL,
  failed bigint NOT NULL,
  PRIMARY KEY (account_id, live, endpoint),
  CHECK ((token IS NULL) = (lease_until IS NULL)),
  CHECK ((token IS NULL) = (owner IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX webhook_cursors_free ON webhook_cursors (account_id, live, endpoint) WHERE token IS NULL;
CREATE INDEX webhook_cursors_leased ON webhook_cursors (owner) WHERE owner IS NOT NULL;

CREATE TABLE webhook_replays (
  account_id integer NOT NULL,
  live smallint NOT NULL,
  id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('past', 'failed')),
  -- Event types as JSON; NULL: all that the endpoint wants.
  types text,
  -- Of the events after from_seq, up to and including to_seq.
  from_seq bigint NOT NULL,
  to_seq bigint NOT NULL,
  position bigint NOT NULL CHECK (position BETWEEN from_seq AND to_seq),
  state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'canceled')),
  sent bigint NOT NULL,
  delivered bigint NOT NULL CHECK (delivered BETWEEN 0 AND sent),
  created_at bigint NOT NULL,
  ended_at bigint,
  PRIMARY KEY (account_id, live, id),
  CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX webhook_replays_by_endpoint ON webhook_replays (account_id, live, endpoint, id);
CREATE INDEX webhook_replays_running ON webhook_replays (account_id, live, endpoint, id) WHERE state = 'running';

-- Ids begin with the time of the event, so new rows go to the end of the index.
CREATE TABLE webhook_deliveries (
  account_id integer NOT NULL,
  live smallint NOT NULL,
  id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  event_seq bigint NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  -- The charge's id.
  object text COLLATE "C",
  state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL,
  -- NULL while it waits for an earlier one of its object.
  due_at bigint,
  revision integer NOT NULL,
  -- As JSON, the oldest first.
  tries text NOT NULL,
  -- The time of the event.
  created_at bigint NOT NULL,
  settled_at bigint,
  PRIMARY KEY (account_id, live, id),
  CHECK ((state = 'pending') = (settled_at IS NULL)),
  CHECK (due_at IS NULL OR state = 'pending')
);

-- Until now, every event of a scope was stored with a delivery to the endpoint of WEBHOOK_TARGET. Those that wait go on
-- waiting, those that failed are the dead letter, and all keep their ids. The next start gives the endpoint its URL.
-- A node of the former version must not store a delivery that stays behind: its commits fail from now on.
LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE;

INSERT INTO webhook_endpoints
  (account_id, live, id, version, url, events, format, ordered, secrets, status, disabled_reason, created_at)
SELECT account_id, live, endpoint, 1, '', '[]', 'original', 0, '[]', 'disabled', 'request', min(created_at)
FROM deliveries GROUP BY account_id, live, endpoint;

INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
SELECT account_id, live, endpoint,
  greatest(
    coalesce((SELECT max(seq) FROM events e WHERE e.account_id = d.account_id AND e.live = d.live), 0),
    (SELECT max(first_seq) - 1 FROM epochs)),
  max(event_seq), count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'failed')
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
    ELSE json_build_array(json_build_object('at', d.created_at, 'ms', 0, 'status', d.last_status, 'error', d.last_error,
      'answer', NULL, 'why', 'event'))::text END,
  d.created_at, CASE WHEN d.state <> 'pending' THEN d.created_at END
FROM deliveries d JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
ORDER BY d.account_id, d.live, d.id;

DROP TABLE deliveries;

CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (account_id, live, endpoint, id);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (account_id, live, state, id) WHERE state <> 'delivered';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (account_id, live, endpoint, due_at, id)
  WHERE due_at IS NOT NULL;
-- For a clock that was set back.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (account_id, live, endpoint, object, event_seq)
  WHERE state = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (account_id, live, endpoint, event_seq)
  WHERE state = 'failed';
