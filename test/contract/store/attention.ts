import assert from 'node:assert/strict'
import type { Dispute } from '../../../src/domain/charge.ts'
import { HOUR_MS } from '../../../src/domain/statistics.ts'
import type { Scope } from '../../../src/ports/store.ts'
import { beginCommit, committed, type Open, rule, START, taken } from '../../kit/commits.ts'
import { addedEndpoint, changedEndpoint, heldEndpoint, recorded, resultOf } from '../../kit/webhooks.ts'
import { alarmOf, alarmsCommit } from './alarms.ts'
import { disputeCommit, disputeOf } from './disputes.ts'

const AT = START + 48 * HOUR_MS
/** A long time, in ms. */
const LATER = AT + 365 * 24 * HOUR_MS

export function attention(open: Open): void {
  rule(open, 'an empty scope has nothing that waits for a person', async (store, { live }) => {
    const totals = await store.attention(live, LATER, LATER)
    const { oldestUnknownSince, nextDueAt, ...counted } = totals
    assert.deepEqual([oldestUnknownSince, nextDueAt], [null, null])
    assert.deepEqual(new Set(Object.values(counted)), new Set([0]))
  })

  rule(open, 'attempts without an outcome, and the oldest of them', async (store, { live, test }) => {
    const postponed = async (scope: Scope, since: number, state: 'unknown' | 'pending' = 'unknown') => {
      const { commit, attempt } = beginCommit({ scope, at: since })
      await committed(store, commit)
      const { id, token } = attempt
      const unknownSince = state === 'unknown' ? since : null
      const postponement = {
        id,
        token: token ?? '',
        state,
        reason: null,
        lookups: 1,
        unknownSince,
        dueAt: since,
      }
      assert.equal(await store.postponeAttempt(postponement), true)
    }
    await postponed(live, AT + 5)
    await postponed(live, AT + 9)
    await postponed(live, AT + 1, 'pending')
    await postponed(test, AT)
    const { unknown, pending, overdue, oldestUnknownSince } = await store.attention(live, AT + 9, AT)
    assert.deepEqual(
      { unknown, pending, overdue, oldestUnknownSince },
      {
        ...{ unknown: 2, pending: 1, overdue: 1, oldestUnknownSince: AT + 5 },
      },
    )
  })

  rule(open, 'open disputes, those whose evidence is due, and open alarms', async (store, { live }) => {
    const { charge } = await taken(store, { scope: live })
    let now = charge
    const step = async (dispute: Dispute, before: Dispute | null = null) => {
      const commit = disputeCommit(live, now, dispute, before)
      await committed(store, commit)
      now = commit.charge
      return commit.dispute
    }
    for (const [i, evidenceDueAt] of [LATER, AT + 7, null].entries())
      await step({ ...disputeOf(charge, i + 1, `dsp_${i}`), evidenceDueAt })
    const lost = { ...disputeOf(charge, 9, 'dsp_lost'), evidenceDueAt: AT + 1 }
    await step({ ...lost, status: 'lost', closedAt: AT }, await step(lost))
    const alarms = [
      alarmOf(charge),
      alarmOf(charge),
      alarmOf(charge, { state: 'closed', inDoubt: false, closedAt: AT }),
    ]
    await committed(store, alarmsCommit(live, now, alarms))
    const { openDisputes, disputesToAnswer, dueDisputes, nextDueAt, openAlarms } = await store.attention(
      live,
      AT,
      AT + 8,
    )
    assert.deepEqual(
      { openDisputes, disputesToAnswer, dueDisputes, nextDueAt, openAlarms },
      {
        ...{ openDisputes: 3, disputesToAnswer: 2, dueDisputes: 1, nextDueAt: AT + 7, openAlarms: 2 },
      },
    )
  })

  rule(open, 'failed deliveries, and endpoints that receive nothing', async (store, { live }) => {
    const { endpoint, events } = await heldEndpoint(store, live, 'a token', 2)
    await recorded(store, endpoint, 'a token', {
      position: 2,
      results: events.map((event) => resultOf(event, endpoint.id, { state: 'failed' })),
    })
    const gone = await addedEndpoint(store, live)
    await changedEndpoint(store, gone, { status: 'disabled', disabledReason: 'gone' })
    const off = await addedEndpoint(store, live)
    await changedEndpoint(store, off, { status: 'disabled', disabledReason: 'request' })
    const { failedDeliveries, disabledEndpoints } = await store.attention(live, AT, AT)
    assert.deepEqual({ failedDeliveries, disabledEndpoints }, { failedDeliveries: 2, disabledEndpoints: 1 })
  })
}
