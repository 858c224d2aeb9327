-- Texts that are too long for the row that they belong to. A row of a table WITHOUT ROWID that is longer than a quarter of
-- a page takes pages of its own for the rest; the rows of this table share theirs. Rows that are stored already stay as they
-- are, and have null in these columns.
CREATE TABLE long_texts (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  -- SHA-256 of the text: most of them are stored nowhere else, so nothing else would show that one was changed.
  digest TEXT NOT NULL
) STRICT;

-- The long description and metadata of the row, as JSON shows both; then the row has none of its own.
ALTER TABLE charges ADD COLUMN details_id INTEGER REFERENCES long_texts (id);
ALTER TABLE refunds ADD COLUMN details_id INTEGER REFERENCES long_texts (id);
-- The same text of the charge, in whose place the JSON has `"details":` and this number.
ALTER TABLE idempotency_keys ADD COLUMN details_id INTEGER REFERENCES long_texts (id);
ALTER TABLE events ADD COLUMN details_id INTEGER REFERENCES long_texts (id);
-- What follows the beginning of an event that is long nevertheless.
ALTER TABLE events ADD COLUMN rest_id INTEGER REFERENCES long_texts (id);
