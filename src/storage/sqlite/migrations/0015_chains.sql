-- The hash chains: one link for each transaction and scope, over the events, transfers and audit entries that it stored.
-- A link covers the rows after those of the link before it, up to these numbers.
CREATE TABLE chain_links (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  number INTEGER NOT NULL CHECK (number > 0),
  events_to INTEGER NOT NULL,
  transfers_to INTEGER NOT NULL,
  audit_to INTEGER NOT NULL,
  -- SHA-256 in base64url of the link before and of the rows.
  hash TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account_id, live, number)
) STRICT, WITHOUT ROWID;

-- When the rows from before the chains got their links; null until then.
CREATE TABLE chain_seal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sealed_at INTEGER
) STRICT;
INSERT INTO chain_seal (id, sealed_at) VALUES (1, NULL);
