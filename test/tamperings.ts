/**
 * Changes to the books of `fillBooks` that bypass MiniPay: each in words, in SQL for both engines, and the sentence in
 * which verify must report it.
 */

import { ACCESS } from './tamperings/access.ts'
import { CHAINS } from './tamperings/chains.ts'
import { EVENTS, KEYS } from './tamperings/events-and-keys.ts'
import { PAUSES } from './tamperings/pauses.ts'
import { ATTEMPTS, CHARGES, OTHERS } from './tamperings/rows.ts'
import { attempt, type Tampering } from './tamperings/sql.ts'
import { STATISTICS } from './tamperings/statistics.ts'
import { WEBHOOKS } from './tamperings/webhooks.ts'

export const TAMPERINGS: readonly Tampering[] = [
  ...EVENTS,
  ...KEYS,
  ...ATTEMPTS,
  ...CHARGES,
  ...OTHERS,
  ...ACCESS,
  ...CHAINS,
  ...WEBHOOKS,
  ...STATISTICS,
  ...PAUSES,
]

/** Changes of rows that no event, transfer or audit entry covers, and that no other row shows. */
export const UNSEEN: readonly { readonly what: string; readonly sql: string; readonly why: string }[] = [
  {
    what: 'a delivery deleted with its counter',
    sql: `DELETE FROM webhook_deliveries WHERE endpoint = 'default' AND event_seq = 2;
      UPDATE webhook_cursors SET failed = failed - 1 WHERE endpoint = 'default';
      UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'deliveries_failed'`,
    why: 'which events an endpoint wanted then is not stored',
  },
  {
    what: "the first rules of a mode of the operator's account that look older than the audit log",
    sql: `INSERT INTO rule_sets (account_id, live, version, document, created_at)
      SELECT account_id, 0, 1, document, 1 FROM rule_sets WHERE live = 1 AND version = 2`,
    why: 'rules from before the audit log have no entry',
  },
  {
    what: 'a reference that a provider gave with a decline of a refund',
    sql: attempt(2_012, 'refund', `provider_reference = 'other'`),
    why: 'a refund that failed has none of its own',
  },
  {
    what: 'what a notification was about',
    sql: `UPDATE notifications SET reference = 'other' WHERE about = 'refund'`,
    why: 'a provider may give another reference later, and then no attempt has the first',
  },
  {
    what: 'a notification deleted',
    sql: `DELETE FROM notifications WHERE about = 'refund'`,
    why: 'settled ones are forgotten, the oldest first',
  },
  {
    what: 'how often webhooks were tried again',
    sql: `UPDATE counters SET value = value + 1 WHERE name = 'deliveries_retried'`,
    why: 'each try is not stored',
  },
  {
    what: 'the counters of limits deleted',
    sql: 'DELETE FROM velocity_counters',
    why: 'MiniPay deletes them, too, once their window is over',
  },
]
