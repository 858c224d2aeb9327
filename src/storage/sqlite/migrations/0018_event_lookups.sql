-- One event by its id, and the events of an object: the id of a charge, or of a webhook endpoint, is the first field of
-- the data. An index on this expression needs no column that repeats the id in each row.
CREATE INDEX events_by_id ON events (id);
CREATE INDEX events_by_object ON events (
  CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END);
