import assert from 'node:assert/strict'
import { decodeSnapshot } from '../../../src/domain/snapshot.ts'
import type { EventQuery, Scope, Store } from '../../../src/ports/store.ts'
import { charged, committed, type Open, refundCommit, refunded, rule, tick } from '../../kit/commits.ts'
import { endpointEvent } from '../../kit/webhooks.ts'
import { alarmOf, alarmsCommit } from './alarms.ts'
import { disputed } from './disputes.ts'

/** The sequences of a query, and whether there are more. */
async function list(store: Store, scope: Scope, query: Partial<EventQuery>) {
  const { data, hasMore } = await store.events(scope, { after: 0, limit: 9, ...query })
  return [data.map(({ sequence }) => sequence), hasMore]
}

export function eventLog(open: Open): void {
  rule(open, 'events are listed by one type or several, in the order of the log', async (store, { live }) => {
    const charge = await charged(store, { scope: live })
    await charged(store, { scope: live, declined: true })
    await refunded(store, charge, { scope: live, amount: 1 })
    await charged(store, { scope: live })
    await charged(store, { scope: live, declined: true })
    const of = (...types: NonNullable<EventQuery['types']>) => list(store, live, { types })
    assert.deepEqual(await of('payment.succeeded'), [[1, 4], false])
    assert.deepEqual(await of('payment.failed'), [[2, 5], false])
    assert.deepEqual(await of('payment.refunded', 'payment.failed'), [[2, 3, 5], false])
    assert.deepEqual(await of('payment.succeeded', 'payment.failed'), [[1, 2, 4, 5], false])
    const rare = ['payment.failed', 'payment.refunded', 'dispute.opened'] as const
    assert.deepEqual(await list(store, live, { types: rare, limit: 2 }), [[2, 3], true])
    assert.deepEqual(await list(store, live, { types: rare, after: 3, limit: 1 }), [[5], false])
  })

  rule(
    open,
    'events are listed by their charge, and by a refund, dispute or alarm of it',
    async (store, { live }) => {
      const other = await charged(store, { scope: live })
      const first = await charged(store, { scope: live })
      const { charge: once, refund } = await refunded(store, first, { scope: live, amount: 1 })
      // A text of metadata that looks like the id of a refund is none.
      const note = `"refund":{"id":"${refund.id}"`
      const again = refundCommit(once, { scope: live, amount: 2, metadata: { note, long: note.repeat(12) } })
      await committed(store, again)
      const { charge, dispute } = await disputed(store, live, again.charge, 3)
      const alarm = alarmOf(charge)
      const raised = alarmsCommit(live, charge, [alarm])
      await committed(store, raised)
      const object = (part?: 'refund' | 'dispute' | 'alarm', id = '') =>
        list(store, live, { object: { id: first.id, ...(part && { part: { part, id } }) } })
      const all = (await object())[0] as number[]
      assert.deepEqual(all.slice(0, 4), [2, 3, 4, 5])
      assert.deepEqual(await list(store, live, { object: { id: other.id } }), [[1], false])
      assert.deepEqual(await object('refund', refund.id), [[3], false])
      assert.deepEqual(await object('refund', again.refund?.id), [[4], false])
      assert.deepEqual(await object('dispute', dispute.id), [[5], false])
      assert.deepEqual(await object('dispute', refund.id), [[], false])
      assert.deepEqual(await list(store, live, { object: { id: 'txn_nothing' } }), [[], false])
      const types = ['payment.refunded', 'dispute.opened'] as const
      assert.deepEqual(await list(store, live, { object: { id: first.id }, types, after: 3 }), [
        [4, 5],
        false,
      ])
    },
  )

  rule(
    open,
    'events are listed by their time, also those that waited for their commit',
    async (store, { live }) => {
      const at = tick()
      const day = 86_400_000
      // The third is older than the second: it waited for a minute.
      for (const ms of [0, day, day - 60_000, 2 * day]) await charged(store, { scope: live, at: at + ms })
      const between = (from?: number, until?: number) =>
        list(store, live, {
          ...(from !== undefined && { createdFrom: at + from }),
          ...(until !== undefined && { createdUntil: at + until }),
        })
      assert.equal(await store.lastEventSequence(live), 4)
      assert.deepEqual(await between(0), [[1, 2, 3, 4], false])
      assert.deepEqual(await between(1), [[2, 3, 4], false])
      assert.deepEqual(await between(day - 60_000), [[2, 3, 4], false])
      assert.deepEqual(await between(day - 59_999), [[2, 4], false])
      assert.deepEqual(await between(undefined, day), [[1, 3], false])
      assert.deepEqual(await between(1, day + 1), [[2, 3], false])
      assert.deepEqual(await between(3 * day), [[], false])
      assert.deepEqual(await between(undefined, 0), [[], false])
      assert.deepEqual(await list(store, live, { createdFrom: at + day, types: ['payment.failed'] }), [
        [],
        false,
      ])
    },
  )

  rule(open, 'the newest events come first before a sequence, with every filter', async (store, { live }) => {
    const charges = []
    for (let i = 0; i < 6; i++)
      charges.push(await charged(store, { scope: live, at: 1_000_000 * (i + 1), declined: i % 2 === 1 }))
    const before = (query: Partial<EventQuery>) => list(store, live, { before: 99, ...query })
    assert.deepEqual(await before({ limit: 2 }), [[6, 5], true])
    assert.deepEqual(await before({ before: 5, limit: 9 }), [[4, 3, 2, 1], false])
    assert.deepEqual(await before({ before: 6, after: 2, limit: 2 }), [[5, 4], true])
    assert.deepEqual(await before({ types: ['payment.failed'] }), [[6, 4, 2], false])
    assert.deepEqual(await before({ types: ['payment.failed', 'payment.refunded'], limit: 2 }), [
      [6, 4],
      true,
    ])
    assert.deepEqual(await before({ types: ['payment.failed', 'payment.succeeded'], before: 3 }), [
      [2, 1],
      false,
    ])
    assert.deepEqual(await before({ types: [] }), [[], false])
    assert.deepEqual(await before({ object: { id: charges[2]!.id } }), [[3], false])
    const times = { createdFrom: 2_000_000, createdUntil: 5_000_000 }
    assert.deepEqual(await before(times), [[4, 3, 2], false])
    assert.deepEqual(await before({ ...times, limit: 1 }), [[4], true])
    assert.deepEqual(await before({ ...times, types: ['payment.failed'] }), [[4, 2], false])
  })

  rule(open, 'an event of a webhook endpoint is found by the id of that', async (store, { live }) => {
    const endpoint = await endpointEvent(store, live)
    assert.deepEqual(await list(store, live, { object: { id: endpoint.id } }), [[2], false])
    assert.deepEqual(await list(store, live, { types: ['webhook_endpoint.disabled'] }), [[2], false])
    const [event = assert.fail()] = (await store.events(live, { after: 1, limit: 1 })).data
    const { endpoint: shown } = decodeSnapshot(event.data)
    assert.deepEqual([shown?.id, shown?.disabledReason], [endpoint.id, 'gone'])
  })

  rule(open, 'an event is found by its id, in its own scope alone', async (store, { live, test }) => {
    await charged(store, { scope: live })
    await charged(store, { scope: test })
    const { data, epoch } = await store.events(live, { after: 0, limit: 9 })
    const [event = assert.fail()] = data
    assert.deepEqual(await store.event(live, event.id), event)
    assert.equal(event.epoch, epoch.id)
    assert.deepEqual([await store.lastEventSequence(live), await store.lastEventSequence(test)], [1, 1])
    assert.equal(await store.event(test, event.id), undefined)
    assert.equal(await store.event(live, 'evt_nothing'), undefined)
  })
}
