-- How much of its window each subject of a velocity limit has used: see domain/velocity. `counter` is a hash of the limit
-- and the subject; `sums` is a JSON array of ten numbers.
CREATE TABLE velocity_counters (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  counter text COLLATE "C" NOT NULL,
  window_ms bigint NOT NULL,
  newest bigint NOT NULL,
  sums text NOT NULL,
  ends_at bigint NOT NULL,
  PRIMARY KEY (account_id, live, counter)
);

CREATE INDEX velocity_counters_by_end ON velocity_counters (ends_at);
