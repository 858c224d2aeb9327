-- The former sessions lack a proof, so they end: their persons sign in again.
DROP TABLE dashboard_sessions;
-- Browsers that signed in to the dashboard. A session that was not used for half an hour is deleted.
CREATE TABLE dashboard_sessions (
  -- SHA-256 of the cookie's secret, in hex.
  hash text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the proof that the page sends beside the cookie, in hex.
  proof_hash text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE,
  key_id text COLLATE "C" NOT NULL,
  host text NOT NULL,
  -- Where the person signed in: an IP address, and words such as "Firefox on Linux".
  address text NOT NULL,
  browser text,
  created_at bigint NOT NULL,
  used_at bigint NOT NULL
);
CREATE INDEX dashboard_sessions_by_use ON dashboard_sessions (used_at);
CREATE INDEX dashboard_sessions_by_key ON dashboard_sessions (key_id, id);
