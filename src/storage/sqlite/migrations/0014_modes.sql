-- Modes. Until now every row was live. A database that only ever used the sandbox moves to test mode, so that requests
-- without an API key still reach its rows. Every other database stays live, and needs a live key.
--
-- Only the sandbox's own references name what they are about; a provider without references counts as real, unless it
-- has the sandbox's name. 'none' stands for a charge that found no provider. Tables that came with modes are absent
-- here: their rows have had their own mode from the first.
CREATE TABLE moved_to_test (id INTEGER PRIMARY KEY);
INSERT INTO moved_to_test (id)
SELECT 1 WHERE NOT (
  EXISTS (SELECT 1 FROM ledger_accounts WHERE live = 0)
  OR EXISTS (SELECT 1 FROM counters WHERE live = 0)
  OR EXISTS (SELECT 1 FROM notifications)
  OR EXISTS (SELECT 1 FROM disputes)
  OR EXISTS (SELECT 1 FROM alarms)
  OR EXISTS (
    SELECT 1 FROM attempts
    WHERE provider <> 'none' AND (
      state NOT IN ('succeeded', 'declined')
      OR provider_reference NOT IN ('sandbox_' || transaction_id, 'sandbox_' || id)))
  OR EXISTS (SELECT 1 FROM charges WHERE provider_reference <> 'sandbox_' || id)
  OR EXISTS (
    SELECT 1 FROM (SELECT provider FROM charges UNION SELECT provider FROM attempts) AS used
    WHERE provider NOT IN ('sandbox', 'none')
      AND NOT EXISTS (
        SELECT 1 FROM charges c WHERE c.provider = used.provider AND c.provider_reference IS NOT NULL)));

UPDATE charges SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE refunds SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE attempts SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE events SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE epoch_ends SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE deliveries SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE idempotency_keys SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE ledger_accounts SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE ledger_transfers SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE counters SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
UPDATE rule_sets SET live = 0 WHERE EXISTS (SELECT 1 FROM moved_to_test);
DROP TABLE moved_to_test;

-- A provider reports a dispute without its account.
DROP INDEX disputes_by_reference;
CREATE UNIQUE INDEX disputes_by_reference ON disputes (provider, provider_reference, live, account_id);
