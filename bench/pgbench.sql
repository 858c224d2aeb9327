-- One charge as one transaction, for pgbench: the rows that MiniPay writes for a charge that the in-process sandbox takes,
-- in its schema, without the links of the hash chain. `minipay verify` passes on what it wrote, once it has its links.
--
-- Events and entries are numbered without gaps, so whoever has taken a number holds up all others until it commits.
-- Therefore that comes last, and all that needs the numbers is one statement: nobody waits for a round trip. Keys are
-- random, and ids begin with their time and sort by number. `n` begins at another number in each run over one database.
--
-- In the JSON numbers are values of their own, because pgbench takes a colon and digits for a variable.
\set n :n + 1
\set id 1000000000000000 + :n * 1000 + :client_id
\set a random(100000000000000000, 999999999999999999)
\set b random(100000000000000000, 999999999999999999)
\set c random(100000, 109999)

BEGIN;

INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
  amount_disputed, currency, customer, status, capture, provider, provider_reference, idempotency_key, created_at)
VALUES (1, 1, 'txn_01m844dzg0' || :id, 1, 100000, 100000, 0, 0,
  0, 'usd', 'cus_' || :c, 'succeeded', 1, 'sandbox', 'sandbox_txn_01m844dzg0' || :id, :a::text || :b::text,
  1795435200000);

WITH number AS (
  UPDATE sequences SET event = event + 1, transfer = transfer + 1
  WHERE account_id = 1 AND live = 1
  RETURNING event, transfer),
event AS (
  INSERT INTO events (account_id, live, seq, id, type, data, created_at)
  SELECT 1, 1, number.event, 'evt_01m844dzg0' || :id, 'payment.succeeded',
    '{"charge":{"id":"txn_01m844dzg0' || :id || '","amount":' || 100000 || ',"amountCaptured":' || 100000
      || ',"currency":"usd","customer":"cus_' || :c || '","status":"succeeded","provider":"sandbox","providerReference":"sandbox_txn_01m844dzg0' || :id
      || '","idempotencyKey":"' || :a::text || :b::text || '","createdAt":' || 1795435200000 || '}}',
    1795435200000
  FROM number),
key AS (
  INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, object_id, event_seq, created_at)
  SELECT 1, 1, :a::text || :b::text,
    'POST /api/v1/charges {"amount":' || 100000 || ',"currency":"usd","customer":"cus_' || :c || '"}',
    'created', 'txn_01m844dzg0' || :id, number.event, 1795435200000
  FROM number),
balance AS (
  UPDATE ledger_accounts SET balance = balance + CASE id WHEN 1 THEN 100000 ELSE -100000 END
  FROM number
  WHERE id IN (1, 2)),
transfer AS (
  INSERT INTO ledger_transfers
    (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at)
  SELECT 1, 1, number.transfer, 1, 2, 'txn_01m844dzg0' || :id, 100000, 1795435200000
  FROM number)
UPDATE counters SET value = value + 1
FROM number
WHERE account_id = 1 AND live = 1 AND name = 'charges_succeeded' AND currency = 'usd' AND part = 0;

COMMIT;
