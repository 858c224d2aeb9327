-- A delivery that somebody put back goes before those that are due.
CREATE INDEX webhook_deliveries_put_back ON webhook_deliveries (account_id, live, endpoint, due_at, id)
  WHERE due_at IS NOT NULL AND revision > 0 AND attempts = 0;
-- The oldest event that an endpoint still needs bounds the retention of events.
CREATE INDEX webhook_deliveries_pending_by_event ON webhook_deliveries (account_id, live, endpoint, event_seq)
  WHERE state = 'pending';

-- A replay of deliveries whose last attempt failed with this error; NULL: of all.
ALTER TABLE webhook_replays ADD COLUMN error TEXT;

-- The attempts of an endpoint in an hour since 1970. MiniPay deletes those of a month ago.
CREATE TABLE webhook_hours (
  account_id INTEGER NOT NULL,
  live INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  hour INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  succeeded INTEGER NOT NULL CHECK (succeeded BETWEEN 0 AND attempts),
  PRIMARY KEY (account_id, live, endpoint, hour)
) STRICT, WITHOUT ROWID;
