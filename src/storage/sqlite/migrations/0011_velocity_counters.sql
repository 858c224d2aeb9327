-- How much of its window each subject of a velocity limit has used: see domain/velocity. `counter` is a hash of the limit
-- and the subject; `sums` is a JSON array of ten numbers.
CREATE TABLE velocity_counters (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  counter TEXT NOT NULL,
  window_ms INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  sums TEXT NOT NULL,
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, counter)
) STRICT, WITHOUT ROWID;

CREATE INDEX velocity_counters_by_end ON velocity_counters (ends_at);
