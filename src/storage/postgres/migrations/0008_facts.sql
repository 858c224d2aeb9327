-- Events and the records of keys keep facts in place of what an API showed: see domain/snapshot. The data of an event is a
-- snapshot of its charge, and of its refund, dispute or alarm. The record of a key names the object of the response, and
-- has in `facts` only what its event does not have. Rows of former schemas say in `era` which fields they were shown with.
ALTER TABLE idempotency_keys RENAME COLUMN answer_kind TO ending;
ALTER TABLE idempotency_keys RENAME COLUMN answer_body TO facts;
ALTER TABLE idempotency_keys ADD COLUMN surface text NOT NULL DEFAULT 'minipay';
ALTER TABLE idempotency_keys ADD COLUMN object_id text COLLATE "C" NOT NULL DEFAULT '';

-- The facts of what an event or a response showed; a `refusal` is a response that was refused.
CREATE FUNCTION facts_of(charge json, refund json, dispute json, alarm json, refusal json) RETURNS text
LANGUAGE sql STABLE AS $function$
  SELECT '{' || concat_ws(',',
    '"charge":' || CASE WHEN charge IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (charge -> 'id')::text,
    '"amount":' || (charge -> 'amount')::text,
    '"amountCaptured":' || nullif(coalesce((charge -> 'amount_captured')::text, CASE WHEN charge ->> 'status' <> 'failed' THEN (charge -> 'amount')::text END), '0'),
    '"amountRefunded":' || nullif((charge -> 'amount_refunded')::text, '0'),
    '"amountRefundPending":' || nullif((charge -> 'amount_refund_pending')::text, '0'),
    '"amountDisputed":' || nullif((charge -> 'amount_disputed')::text, '0'),
    '"currency":' || (charge -> 'currency')::text,
    '"customer":' || (charge -> 'customer')::text,
    '"status":' || (charge -> 'status')::text,
    '"capture":' || nullif((charge -> 'capture')::text, 'true'),
    '"paymentMethod":' || nullif((charge -> 'payment_method')::text, 'null'),
    CASE WHEN (charge -> 'description')::text <> 'null' OR (charge -> 'metadata')::text <> '{}'
      THEN '"description":' || (charge -> 'description')::text || ',"metadata":' || (charge -> 'metadata')::text END,
    '"provider":' || (charge -> 'provider')::text,
    '"providerReference":' || nullif((charge -> 'provider_reference')::text, 'null'),
    '"declineCode":' || nullif((charge -> 'decline_code')::text, 'null'),
    '"failureMessage":' || nullif((charge -> 'failure_message')::text, 'null'),
    '"redirectUrl":' || nullif((charge -> 'redirect_url')::text, 'null'),
    '"expiresAt":' || (extract(epoch FROM (charge ->> 'expires_at')::timestamptz) * 1000)::bigint,
    CASE WHEN (charge -> 'cancel_requested')::text = 'true' THEN '"cancelKey":' || to_json(coalesce((
      SELECT c.cancel_key FROM charges c WHERE c.id = charge ->> 'id' LIMIT 1), ''))::text END,
    '"idempotencyKey":' || (charge -> 'idempotency_key')::text,
    '"createdAt":' || (extract(epoch FROM (charge ->> 'created_at')::timestamptz) * 1000)::bigint) || '}' END,
    '"refund":' || CASE WHEN refund IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (refund -> 'refund_id')::text,
    '"chargeId":' || (refund -> 'id')::text,
    '"amount":' || (refund -> 'amount')::text,
    '"currency":' || (refund -> 'currency')::text,
    '"customer":' || (refund -> 'customer')::text,
    '"status":' || (refund -> 'status')::text,
    '"reason":' || nullif((refund -> 'reason')::text, 'null'),
    CASE WHEN (refund -> 'description')::text <> 'null' OR (refund -> 'metadata')::text <> '{}'
      THEN '"description":' || (refund -> 'description')::text || ',"metadata":' || (refund -> 'metadata')::text END,
    '"providerReference":' || nullif((refund -> 'provider_reference')::text, 'null'),
    '"declineCode":' || nullif((refund -> 'decline_code')::text, 'null'),
    '"failureMessage":' || nullif((refund -> 'failure_message')::text, 'null'),
    '"idempotencyKey":' || (refund -> 'idempotency_key')::text,
    '"createdAt":' || (extract(epoch FROM (refund ->> 'refunded_at')::timestamptz) * 1000)::bigint) || '}' END,
    '"dispute":' || CASE WHEN dispute IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (dispute -> 'id')::text,
    '"chargeId":' || (dispute -> 'transaction_id')::text,
    '"provider":' || (dispute -> 'provider')::text,
    '"providerReference":' || (dispute -> 'provider_reference')::text,
    '"amount":' || (dispute -> 'amount')::text,
    '"currency":' || (dispute -> 'currency')::text,
    '"amountBooked":' || nullif(coalesce((dispute -> 'amount_booked')::text, CASE WHEN dispute ->> 'status' <> 'won' THEN (dispute -> 'amount')::text END), '0'),
    '"customer":' || (dispute -> 'customer')::text,
    '"status":' || (dispute -> 'status')::text,
    '"reason":' || nullif((dispute -> 'reason')::text, 'null'),
    '"createdAt":' || (extract(epoch FROM (dispute ->> 'created_at')::timestamptz) * 1000)::bigint) || '}' END,
    '"alarm":' || CASE WHEN alarm IS NOT NULL THEN '{' || concat_ws(',',
    '"id":' || (alarm -> 'id')::text,
    '"chargeId":' || (alarm -> 'transaction_id')::text,
    '"attemptId":' || nullif((alarm -> 'attempt_id')::text, 'null'),
    '"disputeId":' || nullif((alarm -> 'dispute_id')::text, 'null'),
    '"kind":' || (alarm -> 'kind')::text,
    '"provider":' || (alarm -> 'provider')::text,
    '"said":' || (alarm -> 'said')::text,
    '"reference":' || nullif((alarm -> 'provider_reference')::text, 'null'),
    '"amount":' || nullif((alarm -> 'amount')::text, 'null'),
    '"currency":' || nullif((alarm -> 'currency')::text, 'null'),
    '"message":' || (alarm -> 'message')::text,
    '"state":' || (alarm -> 'status')::text,
    '"inDoubt":' || (alarm -> 'in_doubt')::text,
    '"openedAt":' || (extract(epoch FROM (alarm ->> 'opened_at')::timestamptz) * 1000)::bigint,
    '"closedAt":' || (extract(epoch FROM (alarm ->> 'closed_at')::timestamptz) * 1000)::bigint,
    '"reason":' || nullif((alarm -> 'reason')::text, 'null')) || '}' END,
    '"refusal":{"declineCode":' || (refusal -> 'decline_code')::text || ',"failureMessage":' || (refusal -> 'error')::text || '}',
    CASE
      WHEN coalesce(charge, refund) IS NULL THEN NULL
      WHEN coalesce(charge -> 'amount_captured', refund -> 'provider_reference') IS NULL THEN '"era":1'
      WHEN dispute IS NOT NULL AND dispute -> 'amount_booked' IS NULL THEN '"era":2'
      WHEN charge IS NOT NULL AND charge -> 'cancel_requested' IS NULL THEN '"era":3' END) || '}'
$function$;

-- The response is about its own object, or about the charge of its event.
UPDATE idempotency_keys k SET object_id = coalesce(
  k.facts::json #>> '{refund,refund_id}', k.facts::json #>> '{charge,id}', k.facts::json ->> 'refund_id', k.facts::json ->> 'id',
  (SELECT e.data::json ->> 'id' FROM events e
   WHERE e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq), '');
UPDATE idempotency_keys k SET facts = CASE
    WHEN ending = 'accepted' THEN NULL
    WHEN event_seq = 0 THEN facts_of(
      coalesce(f.said -> 'charge', CASE WHEN said ->> 'id' LIKE 'txn%' AND said ->> 'refund_id' IS NULL THEN said END),
      coalesce(f.said -> 'refund', CASE WHEN said ->> 'refund_id' IS NOT NULL THEN said END),
      NULL, CASE WHEN said ->> 'id' LIKE 'alm%' THEN said END,
      CASE WHEN ending IN ('declined', 'unavailable') THEN said END)
    -- A failed charge or refund itself says why; a capture or a cancel that was refused does not.
    WHEN ending IN ('declined', 'unavailable') AND NOT (
        coalesce(said #>> '{charge,status}', said #>> '{refund,status}') = 'failed'
        AND coalesce((said #> '{charge,failure_message}')::text, (said #> '{refund,failure_message}')::text) = (said -> 'error')::text
        AND coalesce((said #> '{charge,decline_code}')::text, (said #> '{refund,decline_code}')::text) = (said -> 'decline_code')::text)
      THEN facts_of(NULL, NULL, NULL, NULL, said) END
FROM (SELECT account_id, live, key, facts::json AS said FROM idempotency_keys WHERE facts IS NOT NULL) f
WHERE f.account_id = k.account_id AND f.live = k.live AND f.key = k.key;
UPDATE events SET data = facts_of(data::json, data::json -> 'refund', data::json -> 'dispute', data::json -> 'alarm', NULL);

DROP FUNCTION facts_of;
