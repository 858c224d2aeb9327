-- Events become an ordinary table: new rows fill its last page, one after another. A table WITHOUT ROWID splits its last page
-- in halves and moves rows among its neighbours. See docs/internals/sqlite.md.
CREATE TABLE new_events (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  details_id INTEGER REFERENCES long_texts (id),
  rest_id INTEGER REFERENCES long_texts (id),
  PRIMARY KEY (account_id, live, seq)
) STRICT;
INSERT INTO new_events (account_id, live, seq, id, type, data, created_at, details_id, rest_id)
SELECT account_id, live, seq, id, type, data, created_at, details_id, rest_id FROM events
ORDER BY account_id, live, seq;
DROP TABLE events;
ALTER TABLE new_events RENAME TO events;

CREATE INDEX events_by_type ON events (account_id, live, type, seq) WHERE type <> 'payment.succeeded';
CREATE INDEX events_by_id ON events (id) WHERE substr(id, 5) <> substr(data, 22, 26);
CREATE INDEX events_by_object ON events (
  CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END,
  account_id, live, seq)
  WHERE substr(id, 5) <> substr(data, 22, 26);
