-- The hash chains: one link for each transaction and scope, over the events, transfers and audit entries that it stored.
-- A link covers the rows after those of the link before it, up to these numbers.
CREATE TABLE chain_links (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  number bigint NOT NULL CHECK (number > 0),
  events_to bigint NOT NULL,
  transfers_to bigint NOT NULL,
  audit_to bigint NOT NULL,
  -- SHA-256 in base64url of the link before and of the rows.
  hash text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (account_id, live, number)
);

-- When the rows from before the chains got their links; null until then.
CREATE TABLE chain_seal (
  id integer PRIMARY KEY CHECK (id = 1),
  sealed_at bigint
);
INSERT INTO chain_seal (id, sealed_at) VALUES (1, NULL);
