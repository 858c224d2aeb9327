-- What is known of the clock: one row, once a process has served. See domain/clock.
CREATE TABLE clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  observed_ms INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  trusted_ms INTEGER NOT NULL,
  steady_from_ms INTEGER NOT NULL,
  moved_ms INTEGER NOT NULL,
  -- By how much the clock was ever behind the time that an id begins with.
  set_back_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Which idempotency record was the last when so much time had been observed: by that their age is known, whatever the
-- clock said.
CREATE TABLE clock_marks (
  observed_ms INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  last_key INTEGER NOT NULL
) STRICT;
