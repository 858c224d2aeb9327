-- Event numbers have no gaps within an epoch. An epoch begins where numbers may have been given out that the database
-- does not know of, as after a restore. The newest one has the largest first number.

CREATE TABLE epochs (
  first_seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  began_at bigint NOT NULL,
  cause text COLLATE "C" NOT NULL CHECK (cause IN ('created', 'restored', 'copied', 'replaced', 'requested')),
  -- Which cluster, timeline, database and table this was when a node last started. Null while none has.
  lineage text COLLATE "C"
);
INSERT INTO epochs (first_seq, id, began_at, cause)
VALUES (
  1,
  'ep_' || substr(md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), 1, 16),
  (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  'created'
);

-- The last event of each scope before an epoch began; a scope without events has no row.
CREATE TABLE epoch_ends (
  first_seq bigint NOT NULL,
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  last_seq bigint NOT NULL,
  PRIMARY KEY (first_seq, account_id, live)
);
