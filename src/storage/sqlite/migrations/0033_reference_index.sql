-- Attempts are found by a hash of their provider's reference. Like the index of keys, this one is written behind: see
-- docs/internals/sqlite.md.
CREATE TABLE reference_index (
  -- Of the provider, the kind and the reference.
  hash INTEGER NOT NULL,
  -- Of an attempt.
  id TEXT NOT NULL,
  PRIMARY KEY (hash, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference_index_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- Every attempt with a reference and an id up to this one is in the index.
  indexed_to TEXT NOT NULL
) STRICT;
INSERT INTO reference_index_state (id, indexed_to) VALUES (1, '');

-- The providers that gave references, in any scope; remote: one of them is outside MiniPay's process.
CREATE TABLE referenced_providers (
  provider TEXT PRIMARY KEY,
  remote INTEGER NOT NULL CHECK (remote IN (0, 1))
) STRICT, WITHOUT ROWID;
WITH RECURSIVE named (provider) AS (
  SELECT * FROM (
    SELECT provider FROM attempts INDEXED BY attempts_by_reference
    WHERE kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL ORDER BY provider LIMIT 1)
  UNION ALL
  SELECT (
    SELECT provider FROM attempts INDEXED BY attempts_by_reference
    WHERE kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL AND provider > named.provider
    ORDER BY provider LIMIT 1)
  FROM named WHERE named.provider IS NOT NULL
)
INSERT INTO referenced_providers (provider, remote)
SELECT provider,
  EXISTS (
    SELECT 1 FROM attempts WHERE provider = named.provider AND kind = 'authorize'
      AND kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL AND provider_reference < 'sandbox_')
  OR EXISTS (
    SELECT 1 FROM attempts WHERE provider = named.provider AND kind = 'authorize'
      AND kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL AND provider_reference >= 'sandbox`')
FROM named WHERE provider IS NOT NULL;

DROP INDEX attempts_by_reference;
