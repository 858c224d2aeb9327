-- Modes. Until now every row was live. A database that only ever used the sandbox moves to test mode, so that requests
-- without an API key still reach its rows. Every other database stays live, and needs a live key.
--
-- Only the sandbox's own references name what they are about; a provider without references counts as real, unless it
-- has the sandbox's name. 'none' stands for a charge that found no provider. Tables that came with modes are absent
-- here: their rows have had their own mode from the first.
CREATE FUNCTION used_only_the_sandbox() RETURNS boolean
LANGUAGE sql AS $function$
  SELECT NOT (
    EXISTS (SELECT 1 FROM sequences WHERE live = 0)
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
          SELECT 1 FROM charges c WHERE c.provider = used.provider AND c.provider_reference IS NOT NULL)))
$function$;

DO $move$
BEGIN
  -- A database that used another provider will always have used it: it needs no lock.
  IF NOT used_only_the_sandbox() THEN
    RETURN;
  END IF;
  -- A node of the former version must not write a row that stays behind. The tables are in the order in which its
  -- commits use them, so that neither waits for the other; reads continue.
  LOCK TABLE charges, refunds, disputes, attempts, alarms, sequences, events, deliveries, idempotency_keys,
    ledger_accounts, ledger_transfers, counters, rule_sets, epoch_ends, notifications IN EXCLUSIVE MODE;
  IF NOT used_only_the_sandbox() THEN
    RETURN;
  END IF;
  UPDATE charges SET live = 0;
  UPDATE refunds SET live = 0;
  UPDATE attempts SET live = 0;
  UPDATE sequences SET live = 0;
  UPDATE events SET live = 0;
  UPDATE epoch_ends SET live = 0;
  UPDATE deliveries SET live = 0;
  UPDATE idempotency_keys SET live = 0;
  UPDATE ledger_accounts SET live = 0;
  UPDATE ledger_transfers SET live = 0;
  UPDATE counters SET live = 0;
  UPDATE rule_sets SET live = 0;
END
$move$;
DROP FUNCTION used_only_the_sandbox();

-- A provider reports a dispute without its account.
DROP INDEX disputes_by_reference;
CREATE UNIQUE INDEX disputes_by_reference ON disputes (provider, provider_reference, live, account_id);
