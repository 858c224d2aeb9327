-- The charges of a customer are found by a hash of the customer. Like the index of keys, this one is written behind: see
-- docs/internals/sqlite.md.
DROP INDEX charges_by_customer;
CREATE TABLE customer_index (
  -- Of the account, the mode and the customer.
  hash INTEGER NOT NULL,
  -- Of a charge.
  id TEXT NOT NULL,
  PRIMARY KEY (hash, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE customer_index_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- Every charge with a smaller id is in the index.
  indexed_before TEXT NOT NULL
) STRICT;
INSERT INTO customer_index_state (id, indexed_before) VALUES (1, '');
