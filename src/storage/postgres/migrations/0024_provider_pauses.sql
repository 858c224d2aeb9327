-- Providers that people have paused: no new charge goes to them. A pause for all accounts has the operator's account.
CREATE TABLE provider_pauses (
  account_id integer NOT NULL REFERENCES accounts (id),
  live smallint NOT NULL CHECK (live IN (0, 1)),
  provider text COLLATE "C" NOT NULL,
  all_accounts smallint NOT NULL CHECK (all_accounts IN (0, 1) AND (all_accounts = 0 OR account_id = 1)),
  reason text NOT NULL,
  paused_by text NOT NULL,
  paused_at bigint NOT NULL,
  PRIMARY KEY (live, account_id, all_accounts, provider)
);
