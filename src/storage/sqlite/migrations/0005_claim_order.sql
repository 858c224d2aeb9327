-- Recovery claims attempts that may have moved money before those that wait for a customer, a bank or their time: two
-- partial indexes in place of one, so that a write has as many index rows as before.
DROP INDEX attempts_due;
CREATE INDEX attempts_due_unknown ON attempts (provider, due_at, id)
  WHERE state IN ('sending', 'unknown') AND due_at IS NOT NULL;
CREATE INDEX attempts_due_waiting ON attempts (provider, due_at, id)
  WHERE state IN ('pending', 'succeeded') AND due_at IS NOT NULL;
