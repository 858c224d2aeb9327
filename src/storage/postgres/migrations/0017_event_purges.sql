-- The retention of events: how far the events of a scope were deleted, and what the links of the hash chain without them
-- still cover. A scope without deleted events has no row.
CREATE TABLE event_purges (
  account_id integer NOT NULL REFERENCES accounts (id),
  live smallint NOT NULL CHECK (live IN (0, 1)),
  -- The last deleted event, and the last link without its events.
  events_to bigint NOT NULL,
  links_to bigint NOT NULL,
  -- Over these links and the rest of their rows.
  digest text NOT NULL,
  -- The latest time of a deleted event.
  until bigint NOT NULL,
  -- 1: the newest audit entry of a purge has this digest.
  logged smallint NOT NULL CHECK (logged IN (0, 1)),
  PRIMARY KEY (account_id, live)
);
