import assert from 'node:assert/strict'
import type { Charge, Metadata } from '../../../src/domain/charge.ts'
import type { Commit, EndedKey, Scope, Store } from '../../../src/ports/store.ts'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  committed,
  endCommit,
  followUpCommit,
  NO,
  type Open,
  type RequestCommit,
  recordOf,
  refundCommit,
  rule,
  START,
  succeeded,
} from '../../kit/commits.ts'

const pairs = (count: number, value: string): Metadata =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`.padEnd(40, 'k'), value]))

/** Every character that JSON escapes, and texts that look like a store's own markers. */
const ODD = `"details":1,"metadata":{},\\"metadata":{"a":1}' -- \u0001\n\t\u2028é€💶\u{10ffff}`

type Details = Pick<Charge, 'description' | 'metadata'>
const DETAILS: Readonly<Record<string, Details>> = {
  'everything at its limit': { description: 'd'.repeat(1_000), metadata: pairs(50, 'v'.repeat(500)) },
  'every character of three bytes': { description: '€'.repeat(1_000), metadata: pairs(50, '€'.repeat(500)) },
  'a thousand bytes of metadata': { description: null, metadata: pairs(2, 'v'.repeat(450)) },
  'a long description alone': { description: 'd'.repeat(1_000), metadata: {} },
  'odd characters': {
    description: `,"metadata":{"b":"2"}${ODD.repeat(6)}`,
    metadata: { details: '1', metadata: ODD.repeat(6), '"details":1': ODD, [`,"metadata":`]: '' },
  },
  'two texts that are long only together': {
    description: 'd'.repeat(200),
    metadata: pairs(1, 'v'.repeat(200)),
  },
  'short texts': { description: 'A chair', metadata: { order: '42' } },
}

/** Fails unless every read returns the charge and the record of its key as committed. */
async function assertReads(store: Store, scope: Scope, { charge }: Commit): Promise<void> {
  assert.deepEqual(await store.charge(scope, charge.id), charge)
  for (const filter of [{}, { customer: charge.customer }, { status: charge.status }])
    assert.deepEqual((await store.charges(scope, { limit: 1, ...filter })).data, [charge])
}

/** Fails unless the record of a key has the ending of its request, and its event. */
async function assertEnded(
  store: Store,
  scope: Scope,
  ended: EndedKey | null,
  event: Commit['event'],
): Promise<void> {
  const found = await store.idempotencyRecord(scope, ended?.key ?? '')
  assert.deepEqual([found?.ending, found?.event], [ended?.ending, event?.data ?? null])
}

/** Fails unless the list of events, and the events to deliver, show the commit's event last. */
async function assertTold(store: Store, scope: Scope, { event }: Commit): Promise<void> {
  const { data } = await store.events(scope, { after: 0, limit: 100 })
  assert.equal(data.at(-1)?.data, event?.data)
  const { data: toDeliver } = await store.eventsToDeliver(scope, { after: 0, limit: 100 })
  assert.equal(toDeliver.at(-1)?.data, event?.data)
}

async function assertStored(store: Store, scope: Scope, commit: RequestCommit): Promise<void> {
  await assertReads(store, scope, commit)
  await assertEnded(store, scope, commit.key, commit.event)
  await assertTold(store, scope, commit)
}

export function longTexts(open: Open): void {
  for (const [what, details] of Object.entries(DETAILS)) {
    rule(open, `a charge in one step keeps its bytes: ${what}`, async (store, { live, other }) => {
      for (const declined of [false, true])
        for (const scope of [live, other]) {
          const commit = chargeCommit({ scope, declined, ...details })
          await committed(store, commit)
          await assertStored(store, scope, commit)
        }
    })

    rule(
      open,
      `a charge in many steps, and its refunds, keep their bytes: ${what}`,
      async (store, { live }) => {
        const scope = live
        const begun = beginCommit({ scope, capture: false, ...details })
        await committed(store, begun.commit)
        await assertReads(store, scope, begun.commit)
        await assertEnded(store, scope, begun.commit.key, null)

        const held = endCommit(begun, succeeded(begun.attempt, 'pay_1'), { scope })
        await committed(store, held)
        await assertReads(store, scope, held)
        await assertTold(store, scope, held)
        await assertEnded(store, scope, held.ended, held.event)

        const capture = followUpCommit('capture', held.charge, { scope })
        await committed(store, capture.commit)
        await assertEnded(store, scope, capture.commit.key, null)
        const captured = endCommit(capture, succeeded(capture.attempt, 'cap_1'), { scope })
        await committed(store, captured)
        await assertTold(store, scope, captured)
        await assertEnded(store, scope, captured.ended, captured.event)

        const atOnce = refundCommit(captured.charge, { scope, amount: 300, ...details })
        await committed(store, atOnce)
        await assertStored(store, scope, atOnce)
        assert.deepEqual(await store.refund(scope, atOnce.refund?.id ?? ''), atOnce.refund)
        const refund = beginRefundCommit(atOnce.charge, { scope, amount: 200, ...details })
        await committed(store, refund.commit)
        assert.deepEqual((await store.refunds(scope, { limit: 1 })).data, [refund.refund])
        const failed = endCommit(refund, NO, { scope })
        await committed(store, failed)
        assert.deepEqual((await store.refunds(scope, { limit: 9 })).data, [failed.refund, atOnce.refund])
        await assertReads(store, scope, failed)
        await assertTold(store, scope, failed)
        await assertEnded(store, scope, failed.ended, failed.event)
      },
    )
  }

  rule(open, 'a key that is taken stores nothing of a charge with long texts', async (store, { live }) => {
    const details = DETAILS['everything at its limit'] as Details
    const first = chargeCommit({ scope: live, key: 'one', ...details })
    const second = chargeCommit({ scope: live, key: 'one', at: START, ...details })
    await committed(store, first)
    const result = await store.commit(second)
    assert.deepEqual(result.kind === 'key_exists' && result.record, recordOf(first))
    assert.equal(await store.charge(live, second.charge.id), undefined)
  })
}
