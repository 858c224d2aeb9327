-- Events and the records of keys keep facts in place of what an API showed: see domain/snapshot. The data of an event is a
-- snapshot of its charge, and of its refund, dispute or alarm. The record of a key names the object of the response, and
-- has in `facts` only what its event does not have. Rows of former schemas say in `era` which fields they were shown with.
ALTER TABLE idempotency_keys RENAME COLUMN answer_kind TO ending;
ALTER TABLE idempotency_keys RENAME COLUMN answer_body TO facts;
ALTER TABLE idempotency_keys ADD COLUMN surface TEXT NOT NULL DEFAULT 'minipay';
ALTER TABLE idempotency_keys ADD COLUMN object_id TEXT NOT NULL DEFAULT '';

-- What events and responses without an event show, whole: long events have their end elsewhere.
CREATE TEMP TABLE ends AS SELECT rest_id FROM main.events WHERE rest_id IS NOT NULL;
CREATE TEMP VIEW shown AS
  SELECT 'event' AS source, account_id, live, seq, json AS charge, json -> 'refund' AS refund,
    json -> 'dispute' AS dispute, json -> 'alarm' AS alarm, NULL AS refusal
  FROM (
    SELECT account_id, live, seq,
      data || coalesce((SELECT text FROM main.long_texts WHERE id = rest_id), '') AS json
    FROM main.events)
  UNION ALL
  SELECT 'key', account_id, live, seq,
    coalesce(facts -> 'charge', CASE WHEN facts ->> 'id' LIKE 'txn%' AND facts ->> 'refund_id' IS NULL THEN facts END),
    coalesce(facts -> 'refund', CASE WHEN facts ->> 'refund_id' IS NOT NULL THEN facts END), NULL,
    CASE WHEN facts ->> 'id' LIKE 'alm%' THEN facts END, CASE WHEN ending IN ('declined', 'unavailable') THEN facts END
  FROM main.idempotency_keys
  WHERE event_seq = 0 AND ending <> 'accepted';
CREATE TEMP VIEW told AS
  SELECT source, account_id, live, seq, '{' || concat_ws(',',
    '"charge":' || CASE WHEN charge IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (charge -> 'id'),
    '"amount":' || (charge -> 'amount'),
    '"amountCaptured":' || nullif(coalesce(charge -> 'amount_captured', CASE WHEN charge ->> 'status' <> 'failed' THEN charge -> 'amount' END), '0'),
    '"amountRefunded":' || nullif(charge -> 'amount_refunded', '0'),
    '"amountRefundPending":' || nullif(charge -> 'amount_refund_pending', '0'),
    '"amountDisputed":' || nullif(charge -> 'amount_disputed', '0'),
    '"currency":' || (charge -> 'currency'),
    '"customer":' || (charge -> 'customer'),
    '"status":' || (charge -> 'status'),
    '"capture":' || nullif(charge -> 'capture', 'true'),
    '"paymentMethod":' || nullif(charge -> 'payment_method', 'null'),
    CASE WHEN charge -> 'details' IS NOT NULL THEN '"details":' || (charge -> 'details')
      WHEN charge -> 'description' <> 'null' OR charge -> 'metadata' <> '{}'
      THEN '"description":' || (charge -> 'description') || ',"metadata":' || (charge -> 'metadata') END,
    '"provider":' || (charge -> 'provider'),
    '"providerReference":' || nullif(charge -> 'provider_reference', 'null'),
    '"declineCode":' || nullif(charge -> 'decline_code', 'null'),
    '"failureMessage":' || nullif(charge -> 'failure_message', 'null'),
    '"redirectUrl":' || nullif(charge -> 'redirect_url', 'null'),
    '"expiresAt":' || (CAST(strftime('%s', charge ->> 'expires_at') AS INTEGER) * 1000 + CAST(substr(charge ->> 'expires_at', -4, 3) AS INTEGER)),
    CASE WHEN charge -> 'cancel_requested' = 'true' THEN '"cancelKey":' || json_quote(coalesce((
      SELECT c.cancel_key FROM charges c WHERE c.id = charge ->> 'id' LIMIT 1), '')) END,
    '"idempotencyKey":' || (charge -> 'idempotency_key'),
    '"createdAt":' || (CAST(strftime('%s', charge ->> 'created_at') AS INTEGER) * 1000 + CAST(substr(charge ->> 'created_at', -4, 3) AS INTEGER))) || '}' END,
    '"refund":' || CASE WHEN refund IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (refund -> 'refund_id'),
    '"chargeId":' || (refund -> 'id'),
    '"amount":' || (refund -> 'amount'),
    '"currency":' || (refund -> 'currency'),
    '"customer":' || (refund -> 'customer'),
    '"status":' || (refund -> 'status'),
    '"reason":' || nullif(refund -> 'reason', 'null'),
    CASE WHEN refund -> 'details' IS NOT NULL THEN '"details":' || (refund -> 'details')
      WHEN refund -> 'description' <> 'null' OR refund -> 'metadata' <> '{}'
      THEN '"description":' || (refund -> 'description') || ',"metadata":' || (refund -> 'metadata') END,
    '"providerReference":' || nullif(refund -> 'provider_reference', 'null'),
    '"declineCode":' || nullif(refund -> 'decline_code', 'null'),
    '"failureMessage":' || nullif(refund -> 'failure_message', 'null'),
    '"idempotencyKey":' || (refund -> 'idempotency_key'),
    '"createdAt":' || (CAST(strftime('%s', refund ->> 'refunded_at') AS INTEGER) * 1000 + CAST(substr(refund ->> 'refunded_at', -4, 3) AS INTEGER))) || '}' END,
    '"dispute":' || CASE WHEN dispute IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (dispute -> 'id'),
    '"chargeId":' || (dispute -> 'transaction_id'),
    '"provider":' || (dispute -> 'provider'),
    '"providerReference":' || (dispute -> 'provider_reference'),
    '"amount":' || (dispute -> 'amount'),
    '"currency":' || (dispute -> 'currency'),
    '"amountBooked":' || nullif(coalesce(dispute -> 'amount_booked', CASE WHEN dispute ->> 'status' <> 'won' THEN dispute -> 'amount' END), '0'),
    '"customer":' || (dispute -> 'customer'),
    '"status":' || (dispute -> 'status'),
    '"reason":' || nullif(dispute -> 'reason', 'null'),
    '"createdAt":' || (CAST(strftime('%s', dispute ->> 'created_at') AS INTEGER) * 1000 + CAST(substr(dispute ->> 'created_at', -4, 3) AS INTEGER))) || '}' END,
    '"alarm":' || CASE WHEN alarm IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (alarm -> 'id'),
    '"chargeId":' || (alarm -> 'transaction_id'),
    '"attemptId":' || nullif(alarm -> 'attempt_id', 'null'),
    '"disputeId":' || nullif(alarm -> 'dispute_id', 'null'),
    '"kind":' || (alarm -> 'kind'),
    '"provider":' || (alarm -> 'provider'),
    '"said":' || (alarm -> 'said'),
    '"reference":' || nullif(alarm -> 'provider_reference', 'null'),
    '"amount":' || nullif(alarm -> 'amount', 'null'),
    '"currency":' || nullif(alarm -> 'currency', 'null'),
    '"message":' || (alarm -> 'message'),
    '"state":' || (alarm -> 'status'),
    '"inDoubt":' || (alarm -> 'in_doubt'),
    '"openedAt":' || (CAST(strftime('%s', alarm ->> 'opened_at') AS INTEGER) * 1000 + CAST(substr(alarm ->> 'opened_at', -4, 3) AS INTEGER)),
    '"closedAt":' || (CAST(strftime('%s', alarm ->> 'closed_at') AS INTEGER) * 1000 + CAST(substr(alarm ->> 'closed_at', -4, 3) AS INTEGER)),
    '"reason":' || nullif(alarm -> 'reason', 'null')) || '}' END,
    '"refusal":{"declineCode":' || (refusal -> 'decline_code') || ',"failureMessage":' || (refusal -> 'error') || '}',
    CASE
      WHEN coalesce(charge, refund) IS NULL THEN NULL
      WHEN coalesce(charge -> 'amount_captured', refund -> 'provider_reference') IS NULL THEN '"era":1'
      WHEN dispute IS NOT NULL AND dispute -> 'amount_booked' IS NULL THEN '"era":2'
      WHEN charge IS NOT NULL AND charge -> 'cancel_requested' IS NULL THEN '"era":3' END) || '}' AS facts
  FROM shown;

-- The response is about its own object, or about the charge of its event.
UPDATE idempotency_keys SET object_id = coalesce(
  facts ->> '$.refund.refund_id', facts ->> '$.charge.id', facts ->> 'refund_id', facts ->> 'id',
  (SELECT substr(data, 8, instr(substr(data, 8), '"') - 1) FROM events e
   WHERE e.account_id = idempotency_keys.account_id AND e.live = idempotency_keys.live
     AND e.seq = idempotency_keys.event_seq), '');
UPDATE idempotency_keys SET details_id = CASE WHEN event_seq = 0 AND ending <> 'accepted' THEN details_id END,
  facts = CASE
    WHEN ending = 'accepted' THEN NULL
    WHEN event_seq = 0 THEN (SELECT told.facts FROM told WHERE source = 'key' AND told.seq = idempotency_keys.seq)
    -- A failed charge or refund itself says why; a capture or a cancel that was refused does not.
    WHEN ending IN ('declined', 'unavailable') AND NOT (
        coalesce(facts ->> '$.charge.status', facts ->> '$.refund.status') = 'failed'
        AND coalesce(facts -> '$.charge.failure_message', facts -> '$.refund.failure_message') = facts -> 'error'
        AND coalesce(facts -> '$.charge.decline_code', facts -> '$.refund.decline_code') = facts -> 'decline_code')
      THEN '{' || '"refusal":{"declineCode":' || (facts -> 'decline_code') || ',"failureMessage":' || (facts -> 'error') || '}' || '}' END
WHERE facts IS NOT NULL;
UPDATE events SET rest_id = NULL, data = (
  SELECT told.facts FROM told
  WHERE source = 'event' AND told.account_id = events.account_id AND told.live = events.live AND told.seq = events.seq);
DELETE FROM long_texts WHERE id IN (SELECT rest_id FROM ends);

DROP VIEW told;
DROP VIEW shown;
DROP TABLE ends;
