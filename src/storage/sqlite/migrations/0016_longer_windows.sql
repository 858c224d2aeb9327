-- A counter contains one sub-window more, the oldest, so that a charge counts for the whole of its window: see
-- domain/velocity. `sums` is a JSON array of eleven numbers now. What was in the oldest is no longer known.
UPDATE velocity_counters SET sums = '[0,' || substr(sums, 2), ends_at = ends_at + window_ms / 10;
