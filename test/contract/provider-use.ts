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
} from './fixtures.ts'

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
        { provider: 'bank_a', remote: true, openAttempts: 0 },
        { provider: 'bank_b', remote: true, openAttempts: 2 },
        { provider: 'bank_c', remote: true, openAttempts: 0 },
        { provider: 'bank_d', remote: false, openAttempts: 1 },
        { provider: 'sandbox', remote: false, openAttempts: 0 },
      ])
    },
  )

  rule(open, 'a charge that failed at a provider leaves no trace of use', async (store, { live }) => {
    const begun = beginCommit({ scope: live, provider: 'bank_a' })
    await committed(store, begun.commit)
    await committed(store, endCommit(begun, { kind: 'not_sent', reason: 'refused' }, { scope: live }))
    await committed(store, chargeCommit({ scope: live }))
    assert.deepEqual(
      (await store.providerUse(live)).filter(({ provider }) => provider === 'bank_a'),
      [],
    )
  })
}
