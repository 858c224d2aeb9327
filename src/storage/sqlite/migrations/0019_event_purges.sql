-- The retention of events: how far the events of a scope were deleted, and what the links of the hash chain without them
-- still cover. A scope without deleted events has no row.
CREATE TABLE event_purges (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  -- The last deleted event, and the last link without its events.
  events_to INTEGER NOT NULL,
  links_to INTEGER NOT NULL,
  -- Over these links and the rest of their rows.
  digest TEXT NOT NULL,
  -- The latest time of a deleted event.
  until INTEGER NOT NULL,
  -- 1: the newest audit entry of a purge has this digest.
  logged INTEGER NOT NULL CHECK (logged IN (0, 1)),
  PRIMARY KEY (account_id, live)
) STRICT, WITHOUT ROWID;
