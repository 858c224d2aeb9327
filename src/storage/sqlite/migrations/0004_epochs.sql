-- Event numbers have no gaps within an epoch. An epoch begins where numbers may have been given out that the database
-- does not know of, as after a restore. The newest one has the largest first number.

CREATE TABLE epochs (
  first_seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  began_at INTEGER NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('created', 'restored', 'copied', 'replaced', 'requested')),
  -- Where this database was when it was last served: see the mark beside it. Null while it was not served since.
  lineage TEXT
) STRICT;
INSERT INTO epochs (first_seq, id, began_at, cause)
VALUES (1, 'ep_' || lower(hex(randomblob(8))), CAST(unixepoch('subsec') * 1000 AS INTEGER), 'created');

-- The last event of each scope before an epoch began; a scope without events has no row.
CREATE TABLE epoch_ends (
  first_seq INTEGER NOT NULL REFERENCES epochs (first_seq),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (first_seq, account_id, live)
) STRICT, WITHOUT ROWID;
