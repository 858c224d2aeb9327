-- Browsers that signed in to the dashboard. A session that was not used for half an hour is deleted.
CREATE TABLE dashboard_sessions (
  -- SHA-256 of the cookie's secret, in hex.
  hash text COLLATE "C" PRIMARY KEY,
  key_id text COLLATE "C" NOT NULL,
  host text NOT NULL,
  created_at bigint NOT NULL,
  used_at bigint NOT NULL
);
CREATE INDEX dashboard_sessions_by_use ON dashboard_sessions (used_at);
