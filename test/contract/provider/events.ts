/** Provider contract: the provider's notifications. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotificationSubject } from '../../../src/ports/provider.ts'
import { AMOUNT, opened, patience, pay } from './calls.ts'
import type { Lacks, Open, SignedNotification } from './contract.ts'

export function disputes(open: Open, { disputes: lacking }: Lacks): void {
  const here = opened(open)
  const skip = lacking ?? false

  for (const end of ['won', 'lost'] as const)
    test(`a dispute is open, and then ${end}`, { skip }, async () => {
      const { provider, peer } = here.at
      const { reference: payment } = await pay(here.at)
      const reference = await peer.openDispute(payment)
      const opening = await provider.dispute(reference, patience())
      assert.ok(opening.kind === 'dispute', JSON.stringify(opening))
      const { paymentReference, amount, currency, status } = opening
      assert.deepEqual([paymentReference, amount, currency, status], [payment, AMOUNT, 'usd', 'open'])
      await peer.endDispute(reference, end)
      const ended = await provider.dispute(reference, patience())
      assert.equal(ended.kind === 'dispute' && ended.status, end)
    })

  test('a dispute that the provider does not know is not found', { skip }, async () => {
    const found = await here.at.provider.dispute('dp_nobody_knows', patience())
    assert.deepEqual(found, { kind: 'not_found' })
  })
}

const SUBJECTS: readonly NotificationSubject[] = [
  { about: 'attempt', attemptId: 'att_01jzzzzzzzzzzzzzzzzzzzzzzz' },
  { about: 'payment', reference: 'payment_1' },
  { about: 'refund', reference: 'refund_1' },
  { about: 'dispute', reference: 'dispute_1' },
]
const TOLERANCE_MS = 300_000

export function notifications(open: Open, { notifications: lacking }: Lacks): void {
  const here = opened(open)
  const skip = lacking ?? false
  const verify = ({ body, headers }: SignedNotification) => here.at.provider.notification(body, headers)

  test('a genuine notification is verified, and says what it is about', { skip }, async () => {
    for (const subject of SUBJECTS) {
      const verified = await verify(here.at.peer.notification(subject, { id: `note_${subject.about}` }))
      assert.deepEqual(verified, { id: `note_${subject.about}`, subject })
    }
  })

  test('the same notification twice has the same id, and another one another', { skip }, async () => {
    const { peer } = here.at
    const note = peer.notification(SUBJECTS[0]!)
    const [first, again] = [await verify(note), await verify(note)]
    assert.ok(first !== null && first.id === again?.id)
    assert.notEqual((await verify(peer.notification(SUBJECTS[0]!)))?.id, first.id)
  })

  test('a notification that was signed with another key, changed or not signed is refused', {
    skip,
  }, async () => {
    const { peer } = here.at
    const genuine = peer.notification(SUBJECTS[1]!)
    assert.equal(await verify(peer.notification(SUBJECTS[1]!, { forged: true })), null)
    const changed = Buffer.from(genuine.body.toString().replace('payment_1', 'payment_2'))
    assert.notDeepEqual(changed, genuine.body)
    assert.equal(await verify({ ...genuine, body: changed }), null)
    // Other bytes of the same JSON were not signed either.
    assert.equal(await verify({ ...genuine, body: Buffer.from(`${genuine.body} `) }), null)
    assert.equal(await verify({ ...genuine, headers: {} }), null)
    assert.equal(await verify({ body: Buffer.alloc(0), headers: genuine.headers }), null)
  })

  test('a notification that was sent more than five minutes ago is refused, though genuine', {
    skip,
  }, async () => {
    const { peer } = here.at
    const stale = { sentAt: Date.now() - TOLERANCE_MS - 5_000 }
    assert.equal(await verify(peer.notification(SUBJECTS[2]!, stale)), null)
    const old = { sentAt: Date.now() - TOLERANCE_MS + 60_000 }
    assert.notEqual(await verify(peer.notification(SUBJECTS[2]!, old)), null)
  })
}
