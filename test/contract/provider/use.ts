import assert from 'node:assert/strict'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  committed,
  endCommit,
  type Open,
  rule,
  succeeded,
  taken,
} from '../../kit/commits.ts'

export function providerUse(open: Open): void {
  rule(open, 'nothing is used while there are no attempts', async (store, { live }) => {
    assert.deepEqual(await store.providerUse(live), [])
  })

  rule(
    open,
    'each provider that took payments is named once, whether it is outside, and with its open attempts',
    async (store, { live }) => {
      for (const provider of ['bank_a', 'bank_c', 'bank_a', 'bank_b'])
        await taken(store, { scope: live, provider })
      const inside = beginCommit({ scope: live, provider: 'sandbox' })
      await committed(store, inside.commit)
      const reference = `sandbox_${inside.charge.id}`
      await committed(store, endCommit(inside, succeeded(inside.attempt, reference), { scope: live }))
      const { charge } = await taken(store, { scope: live, provider: 'bank_b' })
      await committed(store, beginRefundCommit(charge, { scope: live }).commit)
      for (const provider of ['bank_b', 'bank_d'])
        await committed(store, beginCommit({ scope: live, provider }).commit)
      const uses = [...(await store.providerUse(live))].sort((a, b) => (a.provider < b.provider ? -1 : 1))
      assert.deepEqual(uses, [
        { provider: 'bank_a', remote: true, taken: true, openAttempts: 0 },
        { provider: 'bank_b', remote: true, taken: true, openAttempts: 2 },
        { provider: 'bank_c', remote: true, taken: true, openAttempts: 0 },
        { provider: 'bank_d', remote: false, taken: false, openAttempts: 1 },
        { provider: 'sandbox', remote: false, taken: true, openAttempts: 0 },
      ])
    },
  )

  for (const outcome of [
    { kind: 'not_sent', reason: 'refused' },
    { kind: 'declined', declineCode: 'do_not_honor', message: 'No.', reference: null },
  ] as const)
    rule(open, `a provider that only ever failed is named: ${outcome.kind}`, async (store, { live }) => {
      const begun = beginCommit({ scope: live, provider: 'bank_a' })
      await committed(store, begun.commit)
      await committed(store, endCommit(begun, outcome, { scope: live }))
      await committed(store, chargeCommit({ scope: live }))
      assert.deepEqual(
        (await store.providerUse(live)).filter(({ provider }) => provider === 'bank_a'),
        [{ provider: 'bank_a', remote: false, taken: false, openAttempts: 0 }],
      )
    })
}
