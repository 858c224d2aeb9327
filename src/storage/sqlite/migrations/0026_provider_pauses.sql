-- Providers that people have paused: no new charge goes to them. A pause for all accounts has the operator's account.
CREATE TABLE provider_pauses (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  provider TEXT NOT NULL,
  all_accounts INTEGER NOT NULL CHECK (all_accounts IN (0, 1) AND (all_accounts = 0 OR account_id = 1)),
  reason TEXT NOT NULL,
  paused_by TEXT NOT NULL,
  paused_at INTEGER NOT NULL,
  PRIMARY KEY (live, account_id, all_accounts, provider)
) STRICT, WITHOUT ROWID;
