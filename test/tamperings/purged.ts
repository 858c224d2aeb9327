/** Books whose old events were deleted, and changes of them. */
import assert from 'node:assert/strict'
import type { Store } from '../../src/ports/store.ts'
import { auditEntry } from '../kit/audit-entries.ts'
import { newId, START } from '../kit/commits.ts'
import { fillBooks } from '../kit/history.ts'
import { recorded, T, tryOf } from '../kit/webhooks.ts'
import type { Tampering } from './sql.ts'

const LATE = START + 30 * 86_400_000
const SCOPE = { accountId: 1, mode: 'live' } as const

/** Fills books, and deletes the live events before the first key whose charge waits for its customer. */
export async function fillPurgedBooks(store: Store): Promise<void> {
  await fillBooks(store)
  await endDeliveries(store)
  // Verify finds keys that were deleted too early by this clock.
  const clock = { observedMs: 1, wallMs: LATE, trustedMs: LATE, steadyFromMs: 0, movedMs: 0 }
  await store.keepClock(clock, null)
  while ((await store.purgeIdempotency(Number.MAX_SAFE_INTEGER, 1_000)) > 0);
  for (const before of [START + 9_000, LATE]) {
    let deleted = 0
    for (let done = false; !done; ) {
      const entry = { id: newId('aud'), at: LATE }
      const purged = await store.purgeEvents(SCOPE, { before, limit: 10, entry })
      assert.equal(purged.problem, undefined)
      deleted += purged.deleted
      done = purged.done
    }
    assert.ok(deleted > 0, `${deleted} before ${before}`)
  }
}

/** Delivers all that endpoints still need, but for the deleted one. */
async function endDeliveries(store: Store): Promise<void> {
  const position = await store.lastEventSequence(SCOPE)
  for (const { id } of (await store.webhookEndpoints(SCOPE, { limit: 9 })).data) {
    for (const replay of (await store.replays(SCOPE, id, { limit: 9 })).data)
      await store.cancelReplay(SCOPE, replay.id, T, null)
    const open = (await store.webhookDeliveries(SCOPE, { limit: 100, endpoint: id })).data
    for (const { id: delivery, state } of open.toReversed()) {
      if (state === 'delivered') continue
      const audit = auditEntry(SCOPE, { action: 'delivery.retried', object: delivery })
      assert.ok(await store.retryWebhookDelivery(SCOPE, delivery, T, audit))
      const [stored] = await store.storedDeliveries(SCOPE, [delivery])
      const { revision } = stored ?? assert.fail()
      const result = {
        delivery: stored ?? assert.fail(),
        revision,
        state: 'delivered',
        dueAt: null,
        try: tryOf(),
      } as const
      await recorded(store, { scope: SCOPE, id }, 'of the books', { results: [result] })
    }
    await recorded(store, { scope: SCOPE, id }, 'of the books', { position })
  }
}

const REST =
  /^The links of account 1 \(live\) up to \d+ do not match the digest of when MiniPay deleted their events: /

export const PURGED: readonly Tampering[] = [
  {
    what: 'the time of a transfer whose event was deleted',
    sql: 'UPDATE ledger_transfers SET created_at = created_at + 1 WHERE live = 1 AND seq = 2',
    says: REST,
  },
  {
    what: 'the actor of an audit entry beside deleted events',
    sql: `UPDATE audit_log SET actor = 'key_somebody' WHERE account_id = 1 AND live = 1 AND seq = 1`,
    says: /^The rules of account 1 \(live\) of version 1 have the author keyless, and the audit log says key_somebody\.$/,
  },
  {
    what: 'the hash of a link without its events',
    sql: `UPDATE chain_links SET hash = hash || 'x' WHERE live = 1 AND number = 3`,
    says: REST,
  },
  {
    what: 'the digest over links without their events',
    sql: `UPDATE event_purges SET digest = digest || 'x'`,
    says: REST,
  },
  {
    what: 'how far the events were deleted',
    sql: 'UPDATE event_purges SET links_to = links_to - 1',
    says: /^(Link \d+|The links) of account 1 \(live\) /,
  },
  {
    what: 'a removed link without its events',
    sql: 'DELETE FROM chain_links WHERE live = 1 AND number = 2',
    says: /^Link 2 of account 1 \(live\) is missing: link 3 follows\.$/,
  },
  {
    what: 'a purge that was forgotten',
    sql: 'DELETE FROM event_purges',
    says: /./,
  },
  {
    what: 'an event that somebody deleted after the purge',
    sql: 'DELETE FROM events WHERE live = 1 AND seq = (SELECT min(seq) FROM events WHERE live = 1)',
    says: /^The events have a gap|^The event|no event shows it|is not there|^Link /,
  },
  {
    what: 'an event that somebody inserted in the place of a deleted one',
    sql: `UPDATE events SET seq = 2 WHERE live = 1 AND seq = (SELECT min(seq) FROM events WHERE live = 1)`,
    says: /./,
  },
  {
    what: 'an amount of a charge whose events were deleted',
    sql: 'UPDATE charges SET amount = 1004, amount_captured = 1004 WHERE amount = 1003',
    says: /should have|amount_captured|merchant/,
  },
]
