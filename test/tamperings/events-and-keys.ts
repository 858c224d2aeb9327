/** Changes of events and of idempotency records. */
import { body, record, type Tampering, told } from './sql.ts'

export const EVENTS: readonly Tampering[] = [
  {
    what: "an event's amount",
    sql: body(1_002, 'payment.succeeded', '"amount":1002', '"amount":9002'),
    says: /^The event \d+ \(payment\.succeeded\) says that amount of the charge txn_\w+ is 9002, and its row 1002\.$/,
  },
  {
    what: 'the amount that an event says is captured',
    sql: body(2_010, 'payment.succeeded', '"amountCaptured":2010', '"amountCaptured":2009'),
    says: /amount_captured of txn_\w+ is 2010; the events up to it come to 2009|amount_captured/,
  },
  {
    what: 'the amount that an early event says is refunded',
    sql: body(1_000, 'payment.refunded', '"amountRefunded":300', '"amountRefunded":301'),
    says: /says that amount_refunded of txn_\w+ is 301; the events up to it come to 300\.$/,
  },
  {
    what: 'the amount that an event says is being refunded',
    sql: body(2_011, 'payment.succeeded', '"currency"', '"amountRefundPending":7,"currency"'),
    says: /says that 7 of txn_\w+ is being refunded, and its refunds never were so\.$/,
  },
  {
    what: 'the amount that an event says is disputed',
    sql: body(2_022, 'dispute.opened', '"amountDisputed":422', '"amountDisputed":421'),
    says: /says that amount_disputed of txn_\w+ is 421; the events up to it come to 422\.$/,
  },
  {
    what: "an event's customer",
    sql: body(2_000, 'payment.succeeded', 'cus_1', 'cus_9'),
    says: /says that customer of the charge txn_\w+ is cus_9, and its row cus_1\.$/,
  },
  {
    what: "an event's metadata",
    sql: body(1_002, 'payment.succeeded', '"order":"43"', '"order":"99"'),
    says: /says that metadata of the charge txn_\w+ is \{"order":"99"\}, and its row \{"order":"43"\}\.$/,
  },
  {
    what: 'the status that an event shows',
    sql: body(2_000, 'payment.succeeded', '"status":"succeeded"', '"status":"refunded"'),
    says: /^The event \d+ \(payment\.succeeded\) shows a charge that is refunded\.$/,
  },
  {
    what: 'the reference in an event',
    sql: body(2_010, 'payment.succeeded', '"providerReference":"bank_a_', '"providerReference":"other_'),
    says: /provider_reference/,
  },
  {
    what: 'the decline code in an event',
    sql: body(2_001, 'payment.failed', 'insufficient_funds', 'stolen_card'),
    says: /says that decline_code of the charge txn_\w+ is stolen_card, and its row insufficient_funds\.$/,
  },
  {
    what: 'the amount of a refund in its event',
    sql: body(2_010, 'payment.refunded', '"amount":510', '"amount":511'),
    says: /says that amount of the refund re_\w+ is 511, and its row 510\.$/,
  },
  {
    what: 'the reason of a refund in its event',
    sql: body(2_010, 'payment.refunded', 'duplicate', 'fraudulent'),
    says: /says that reason of the refund re_\w+ is fraudulent, and its row duplicate\.$/,
  },
  {
    what: 'the amount of a dispute in its last event',
    sql: body(2_020, 'dispute.opened', '"amount":420', '"amount":421'),
    says: /says that amount of the dispute dp_\w+ is 421, and its row 420\.$/,
  },
  {
    what: 'an event that has lost a field',
    sql: body(1_003, 'payment.succeeded', '"customer":"cus_3",', ''),
    says: /shows a charge without customer\.$/,
  },
  {
    what: 'an event with a field of its own',
    sql: body(1_003, 'payment.succeeded', '"currency":"usd"', '"currency":"usd","paid":true'),
    says: /shows a charge with paid, which none has\.$/,
  },
  {
    what: 'an event that says an amount twice',
    sql: body(1_003, 'payment.succeeded', '"amount":1003', '"amount":1,"amount":1003'),
    says: /has no body in the JSON that MiniPay writes\.$/,
  },
  {
    what: 'a webhook endpoint in an event of a charge',
    sql: `UPDATE events SET data = '{"endpoint":{"id":"we_1"}}' WHERE ${told(2_000, 'payment.succeeded')}`,
    says: /^The event \d+ \(payment.succeeded\) shows a webhook endpoint\.$/,
  },
  {
    what: 'an event without a body',
    sql: `UPDATE events SET data = '{}' WHERE ${told(2_000, 'payment.succeeded')}`,
    says: /^The event \d+ shows , which is not there\.$/,
  },
  {
    what: 'two bodies swapped',
    sql: `UPDATE events SET data = CASE customer
        WHEN 1 THEN (SELECT data FROM events WHERE ${told(1_003, 'payment.succeeded')})
        ELSE (SELECT data FROM events WHERE ${told(1_002, 'payment.succeeded')}) END
      FROM (SELECT 1 AS customer, seq AS number FROM events WHERE ${told(1_002, 'payment.succeeded')}
        UNION ALL SELECT 2, seq FROM events WHERE ${told(1_003, 'payment.succeeded')}) x
      WHERE live = 1 AND seq = x.number`,
    says: /^The (event|transfer) \d+ /,
  },
  {
    what: "an event's time",
    sql: `UPDATE events SET created_at = created_at + 1 WHERE ${told(2_000, 'payment.succeeded')}`,
    says: /^The (transfer|event|delivery) \S+ /,
  },
  {
    what: "a decline's time",
    sql: `UPDATE events SET created_at = created_at - 60000 WHERE ${told(2_001, 'payment.failed')}`,
    says: /^The attempt att_\w+ ended at \S+, when nothing happened|is of \S+, when no attempt of it ended\.$/,
  },
  {
    what: 'the type of a dispute’s event',
    sql: `UPDATE events SET type = 'dispute.lost' WHERE ${told(2_020, 'dispute.opened')}`,
    says: /^The event \d+ \(dispute\.lost\) shows a dispute that is open\.$/,
  },
  {
    what: "the type of a refund's event",
    sql: `UPDATE events SET type = 'refund.failed' WHERE ${told(1_000, 'payment.refunded')}`,
    says: /^The event \d+ \(refund\.failed\) shows a refund that is partially_refunded\.$|^The delivery dlv_\w+ is not of its event/,
  },
  {
    what: "the type of a failed capture's event",
    sql: `UPDATE events SET type = 'payment.authorized' WHERE ${told(2_006, 'payment.capture_failed')}`,
    says: /^The event \d+ \(payment\.authorized\) says that txn_\w+ is authorized, which it was before\.$/,
  },
  {
    what: 'the type of a hold’s event',
    sql: `UPDATE events SET type = 'payment.capture_failed' WHERE ${told(2_002, 'payment.authorized')}`,
    says: /^The event \d+ \(payment\.capture_failed\) says that txn_\w+ is authorized again, and it was new before\.$/,
  },
  {
    what: 'the last event deleted',
    sql: `DELETE FROM events WHERE live = 1 AND seq = (SELECT max(seq) FROM events WHERE live = 1)`,
    says: /^The alarm alm_\w+ is open, and no event shows it\.$|^The sequence says that the last event is \d+/,
  },
]

export const KEYS: readonly Tampering[] = [
  {
    what: 'an idempotency key deleted',
    sql: `DELETE FROM idempotency_keys WHERE key = (SELECT idempotency_key FROM charges WHERE amount = 1003)`,
    says: /^The idempotency record of txn_\w+, key-\d+, is not there, and older ones are\.$/,
  },
  {
    what: 'the key of a capture deleted',
    sql: `DELETE FROM idempotency_keys WHERE key = (SELECT idempotency_key FROM attempts WHERE kind = 'capture' AND amount = 1004)`,
    says: /^The idempotency record of att_\w+, key-\d+, is not there, and older ones are\.$/,
  },
  {
    what: 'the first idempotency key deleted',
    sql: `DELETE FROM idempotency_keys WHERE seq = (SELECT min(seq) FROM idempotency_keys)`,
    says: /^The idempotency record of txn_\w+, key-\d+, is not there/,
  },
  {
    what: 'a fingerprint of another amount',
    sql: record(1_003, `fingerprint = replace(fingerprint, '"amount":1003', '"amount":1004')`),
    says: /^The idempotency record of txn_\w+, key-\d+, is of another request than the one that made it\.$/,
  },
  {
    what: 'a fingerprint that is none',
    sql: record(2_000, `fingerprint = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'`),
    says: /is of another request than the one that made it\.$/,
  },
  {
    what: "a refund's fingerprint",
    sql: `UPDATE idempotency_keys SET fingerprint = replace(fingerprint, '"amount":200', '"amount":201')
      WHERE key = (SELECT idempotency_key FROM refunds WHERE amount = 200)`,
    says: /^The idempotency record of re_\w+, key-\d+, is of another request than the one that made it\.$/,
  },
  {
    what: 'the event that a key names',
    sql: record(1_003, 'event_seq = event_seq - 1'),
    says: /names the event \d+, which is not one of txn_\w+\.$/,
  },
  {
    what: 'what a key is about',
    sql: `UPDATE idempotency_keys SET object_id = (SELECT id FROM refunds WHERE amount = 510)
      WHERE key = (SELECT idempotency_key FROM refunds WHERE amount = 300)`,
    says: /^The idempotency record of re_\w+, key-\d+, is about re_\w+ in place of re_\w+\.$/,
  },
  {
    what: 'a decline of which a key says that it was a success',
    sql: record(2_001, `ending = 'created'`),
    says: /^The idempotency record of txn_\w+, key-\d+, is created, and its event shows txn_\w+ that is failed\.$/,
  },
  {
    what: 'a success of which a key says that it was a decline',
    sql: record(2_000, `ending = 'declined'`),
    says: /^The idempotency record of txn_\w+, key-\d+, is declined, and its event shows txn_\w+ that is succeeded\.$/,
  },
  {
    what: 'why a capture was refused, deleted',
    sql: `UPDATE idempotency_keys SET facts = NULL
      WHERE key = (SELECT idempotency_key FROM attempts WHERE kind = 'capture' AND amount = 2006)`,
    says: /^The idempotency record of att_\w+, key-\d+, is refused without a reason\.$/,
  },
  {
    what: 'a key that came through no API',
    sql: record(2_000, `surface = 'fax'`),
    says: /^The idempotency record of txn_\w+, key-\d+, came through fax, which is no API\.$/,
  },
  {
    what: 'a key that has not ended, with facts of its end',
    sql: record(2_000, `ending = 'accepted', facts = '{}'`),
    says: /^The idempotency record of txn_\w+, key-\d+, is accepted, and has facts of its end\.$/,
  },
  {
    what: 'a key that is accepted as if it had not ended',
    sql: record(2_000, `ending = 'accepted'`),
    says: /^The idempotency record of txn_\w+, key-\d+, is accepted, as if it had not ended\.$/,
  },
  {
    what: "a key's time",
    sql: record(2_000, 'created_at = created_at - 3600000'),
    says: /^The idempotency record of txn_\w+, key-\d+, is of \S+, when nothing was asked\.$/,
  },
  {
    what: 'a key under another name',
    sql: record(2_000, `key = 'another'`),
    says: /^The idempotency record another is of nothing that was asked\.$/,
  },
  {
    what: 'the key of a replay that is not there',
    sql: `UPDATE idempotency_keys SET object_id = 'rpl_00000000000000000000000000' WHERE key = 'replay-1'`,
    says: /^The idempotency record replay-1 is of nothing that was asked\.$/,
  },
  {
    what: 'the key of a replay at another time',
    sql: `UPDATE idempotency_keys SET created_at = created_at + 1 WHERE key = 'replay-1'`,
    says: /^The idempotency record replay-1 is of nothing that was asked\.$/,
  },
  {
    what: 'the key of a retry about something else',
    sql: `UPDATE idempotency_keys SET object_id = (SELECT min(id) FROM charges) WHERE key = 'retry-1'`,
    says: /^The idempotency record retry-1 is of nothing that was asked\.$/,
  },
  {
    what: 'the key of a retry without what it did',
    sql: `UPDATE idempotency_keys SET facts = NULL WHERE key = 'retry-1'`,
    says: /^The idempotency record (retry-1 is of nothing|\d+ names event 0)/,
  },
]
