-- What is known of the clock: one row, once a node has served. See domain/clock.
CREATE TABLE clock (
  id integer PRIMARY KEY CHECK (id = 1),
  observed_ms bigint NOT NULL,
  wall_ms bigint NOT NULL,
  trusted_ms bigint NOT NULL,
  steady_from_ms bigint NOT NULL,
  moved_ms bigint NOT NULL,
  -- By how much the clock was ever behind the time that an id begins with.
  set_back_ms bigint NOT NULL DEFAULT 0
);

-- Which idempotency record was the last when so much time had been observed: by that their age is known, whatever the
-- clock said.
CREATE TABLE clock_marks (
  observed_ms bigint PRIMARY KEY,
  wall_ms bigint NOT NULL,
  last_key bigint NOT NULL
);
