-- Accounts get an id for clients, and can be closed. The default of public_id is that of the operator's account, which
-- exists; as ids are unique, no other account can be without its own.
ALTER TABLE accounts ADD COLUMN public_id TEXT NOT NULL DEFAULT 'acct_default';
ALTER TABLE accounts ADD COLUMN closed_at INTEGER;
CREATE UNIQUE INDEX accounts_by_public_id ON accounts (public_id);

-- Found by id alone: a key's scope is known only once the key is found.
CREATE TABLE access_keys (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  name TEXT NOT NULL CHECK (name <> ''),
  -- SHA-256 of the secret, in hex.
  hash TEXT NOT NULL,
  hint TEXT NOT NULL,
  -- A role, or else a list of permissions as JSON.
  role TEXT,
  permissions TEXT,
  -- CIDR ranges as JSON; NULL: all addresses.
  networks TEXT,
  rate_limit INTEGER CHECK (rate_limit > 0),
  expires_at INTEGER,
  revoked_at INTEGER,
  -- The id of its successor.
  rolled_to TEXT,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL,
  -- The id of a key, or keyless, cli or server.
  created_by TEXT NOT NULL,
  CHECK ((role IS NULL) <> (permissions IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_keys_by_hash ON access_keys (hash);
CREATE INDEX access_keys_by_scope ON access_keys (account_id, live, id);
