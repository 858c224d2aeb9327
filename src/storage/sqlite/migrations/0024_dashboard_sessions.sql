-- Browsers that signed in to the dashboard. A session that was not used for half an hour is deleted.
CREATE TABLE dashboard_sessions (
  -- SHA-256 of the cookie's secret, in hex.
  hash TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  host TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dashboard_sessions_by_use ON dashboard_sessions (used_at);
