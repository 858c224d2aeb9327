import type { Tampering } from './sql.ts'

const DEFAULT = `endpoint = 'default'`
/** Of the endpoint that is ordered. */
const ORDERED = `endpoint = (SELECT id FROM webhook_endpoints WHERE ordered = 1)`
const DELETED = `(SELECT id FROM webhook_endpoints WHERE deleted_at IS NOT NULL)`
/** Moves a delivery from one state to another in every counter. */
const counted = (from: string, to: string) => `
  UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'deliveries_${from}';
  UPDATE counters SET value = value + 1 WHERE live = 1 AND name = 'deliveries_${to}'`

/** Changes of webhook endpoints, cursors, deliveries and replays. */
export const WEBHOOKS: readonly Tampering[] = [
  {
    what: "a delivery's event",
    sql: `UPDATE webhook_deliveries SET event_seq = 2 WHERE ${DEFAULT} AND event_seq = 1`,
    says: /^The delivery dlv_\w+ is not of its event 2: it has another time, id or type\.$/,
  },
  {
    what: 'a delivery of an event that does not exist',
    sql: `UPDATE webhook_deliveries SET event_seq = 0 WHERE ${DEFAULT} AND event_seq = 1`,
    says: /^The delivery dlv_\w+ belongs to event 0, which is not there\.$/,
  },
  {
    what: 'a delivery that was never tried, as delivered',
    sql: `UPDATE webhook_deliveries SET attempts = 0 WHERE ${DEFAULT} AND state = 'delivered'`,
    says: /^The delivery dlv_\w+ is delivered after 0 attempts/,
  },
  {
    what: 'a failed delivery, as delivered',
    sql: `UPDATE webhook_deliveries SET state = 'delivered' WHERE ${DEFAULT} AND state = 'failed';
      UPDATE webhook_cursors SET failed = failed - 1 WHERE ${DEFAULT}; ${counted('failed', 'delivered')}`,
    says: /^The delivery dlv_\w+ is delivered, but no attempt succeeded\.$/,
  },
  {
    what: 'the attempts of a delivery',
    sql: `UPDATE webhook_deliveries SET tries = '[1]' WHERE ${DEFAULT} AND event_seq = 2`,
    says: /^The attempts of the delivery dlv_\w+ are not a list of attempts\.$/,
  },
  {
    what: 'a pending delivery that is never due',
    sql: `UPDATE webhook_deliveries SET due_at = NULL WHERE ${DEFAULT} AND state = 'pending'`,
    says: /^The delivery dlv_\w+ waits for no other one, and is never due\.$/,
  },
  {
    what: 'the object of a delivery that waits for another one',
    sql: `UPDATE webhook_deliveries SET object = 'txn_other' WHERE ${ORDERED} AND event_seq = 3`,
    says: /^The delivery dlv_\w+ waits for no other one, and is never due\.$/,
  },
  {
    what: 'the id of a delivery',
    sql: `UPDATE webhook_deliveries SET id = substr(id, 1, 29) || CASE substr(id, 30) WHEN '0' THEN '1' ELSE '0' END
      WHERE ${ORDERED} AND event_seq = 1`,
    says: /^The delivery dlv_\w+ does not have the id of its event 1 and its endpoint\.$/,
  },
  {
    what: 'the endpoint of a delivery, as one that does not exist',
    sql: `UPDATE webhook_deliveries SET endpoint = 'we_other' WHERE endpoint = ${DELETED}`,
    says: /^The delivery dlv_\w+ is to the webhook endpoint we_other, which does not exist\.$/,
  },
  {
    what: 'a delivery of an ordered endpoint deleted',
    sql: `DELETE FROM webhook_deliveries WHERE ${ORDERED} AND event_seq = 4`,
    says: /^The counter deliveries_failed says \d, but there are \d\.$|^The cursor of we_\w+ says/,
  },
  {
    what: 'a position after the last event',
    sql: `UPDATE webhook_cursors SET position = position + 1000000 WHERE ${DEFAULT}`,
    says: /^The cursor of default is at \d+ with deliveries up to 3, but the last event is \d+\.$/,
  },
  {
    what: 'the reach of a cursor',
    sql: `UPDATE webhook_cursors SET reach = 1 WHERE ${DEFAULT}`,
    says: /^The cursor of default says that its last delivery is of event 1, but it is of 3\.$/,
  },
  {
    what: 'the counter of a cursor',
    sql: `UPDATE webhook_cursors SET pending = pending + 1 WHERE ${DEFAULT}`,
    says: /^The cursor of default says 2 pending and 1 failed deliveries, but there are 1 and 1\.$/,
  },
  {
    what: 'a cursor deleted',
    sql: `DELETE FROM webhook_cursors WHERE ${DEFAULT}`,
    says: /^The webhook endpoint default has no cursor\.$/,
  },
  {
    what: 'a deleted endpoint made an existing one again',
    sql: `UPDATE webhook_endpoints SET deleted_at = NULL WHERE id = ${DELETED}`,
    says: /^The webhook endpoint we_\w+ has no cursor\.$/,
  },
  {
    what: 'an endpoint deleted without the end of its cursor',
    sql: `UPDATE webhook_endpoints SET deleted_at = 1 WHERE id = 'default'`,
    says: /^There is a cursor of the webhook endpoint default, which was deleted\.$/,
  },
  {
    what: 'the id of an endpoint',
    sql: `UPDATE webhook_endpoints SET id = 'other' WHERE live = 0;
      UPDATE webhook_cursors SET endpoint = 'other' WHERE live = 0`,
    says: /^The webhook endpoint other is not one that MiniPay writes\.$/,
  },
  {
    what: 'a replay that did not reach its end',
    sql: `UPDATE webhook_replays SET position = 1 WHERE state = 'done'`,
    says: /^The replay rpl_\w+ is done at 1\.$/,
  },
  {
    what: 'a running replay of a deleted endpoint',
    sql: `UPDATE webhook_replays SET endpoint = ${DELETED} WHERE state = 'running'`,
    says: /^The replay rpl_\w+ is of the webhook endpoint we_\w+, which is not there\.$/,
  },
  {
    what: 'how many events a replay had to send',
    sql: `UPDATE webhook_replays SET total = total - 1 WHERE state = 'running'`,
    says: /^The replay rpl_\w+ is not as the audit log says\.$/,
  },
  {
    what: 'what a replay sends again',
    sql: `UPDATE webhook_replays SET kind = 'failed' WHERE state = 'canceled'`,
    says: /^The replay rpl_\w+ is not as the audit log says\.$/,
  },
  {
    what: 'attempts of an hour that are fewer than the deliveries show',
    sql: `INSERT INTO webhook_hours SELECT account_id, live, endpoint, hour - 9, 1, 1 FROM webhook_hours WHERE ${DEFAULT};
      UPDATE webhook_hours SET succeeded = 0
      WHERE ${DEFAULT} AND hour IN (SELECT settled_at / 3600000 FROM webhook_deliveries WHERE state = 'delivered')`,
    says: /^The webhook endpoint default has 0 attempts that succeeded in the hour 20[\d:T.-]+Z, but at least \d+ did\.$/,
  },
]
