-- Keys are found by a hash. The newest are in memory, and their rows are the truth; the writer folds them into this index
-- sorted, many at once. With a unique index, each key would change a page of its own: see docs/internals/sqlite.md.
DROP INDEX idempotency_keys_by_key;
CREATE TABLE key_index (
  -- Of the account, the mode and the key.
  hash INTEGER NOT NULL,
  -- Of idempotency_keys. The row may be purged: then a later fold deletes this one.
  seq INTEGER NOT NULL,
  PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_index_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The random key of the hashes.
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  -- Every idempotency record up to this number is in the index.
  folded_to INTEGER NOT NULL,
  -- Records up to this number may be purged; the index has no purged one up to the other.
  purged_to INTEGER NOT NULL,
  swept_to INTEGER NOT NULL
) STRICT;
INSERT INTO key_index_state (id, low, high, folded_to, purged_to, swept_to)
VALUES (1, random() & 4294967295, random() & 4294967295, 0, 0, 0);
