import assert from 'node:assert/strict'
import { StoreUnavailable } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import {
  chargeCommit,
  charged,
  committed,
  everything,
  type Open,
  refundCommit,
  refunded,
  rule,
  tick,
} from '../../kit/commits.ts'
import { deliveryOf, heldEndpoint, recorded, resultOf } from '../../kit/webhooks.ts'

/** 1,024 of the largest amounts are 2^63 - 1,024: one more exceeds 64 bits. */
const LARGEST = Number.MAX_SAFE_INTEGER
const FULL = 1_024

export function balanceLimits(open: Open): void {
  rule(
    open,
    'a commit that would take a balance past 64 bits is refused alone, and its key stays free',
    async (store, { live }) => {
      const large = Array.from({ length: FULL }, () => chargeCommit({ scope: live, amount: LARGEST }))
      const results = await Promise.all(large.map((commit) => store.commit(commit)))
      assert.ok(results.every((result) => result.kind === 'committed'))
      const full = BigInt(LARGEST) * BigInt(FULL)
      const balances = async () =>
        (await store.ledgerAccounts(live)).filter((a) => a.currency === 'usd').map((a) => a.balance)
      assert.deepEqual(await balances(), [-full, full])

      const over = chargeCommit({ scope: live, amount: LARGEST, key: 'over' })
      const small = chargeCommit({ scope: live, amount: 1 })
      const euro = chargeCommit({ scope: live, amount: LARGEST, currency: 'eur' })
      const group = await Promise.all([small, over, euro].map((commit) => store.commit(commit)))
      assert.deepEqual(
        group.map((result) => result.kind),
        ['committed', 'balance_limit', 'committed'],
      )
      assert.deepEqual(await balances(), [-full - 1n, full + 1n])
      assert.equal(await store.charge(live, over.charge.id), undefined)
      assert.equal(await store.idempotencyRecord(live, 'over'), undefined)

      await refunded(store, large[0]!.charge, { scope: live })
      await committed(store, over)
      assert.deepEqual(await balances(), [-full - 1n, full + 1n])
    },
  )
}

export function scopesApart(open: Open): void {
  rule(open, 'another account or mode sees nothing of a scope', async (store, { live, test, other }) => {
    const commit = chargeCommit({ scope: live, key: 'mine' })
    await committed(store, commit)
    const { refund } = await refunded(store, commit.charge, { scope: live, amount: 1 })
    const { endpoint, events } = await heldEndpoint(store, live, 'mine', 1)
    await recorded(store, endpoint, 'mine', { results: [resultOf(events[0]!, endpoint.id)] })
    const { id } = deliveryOf(events[0]!, endpoint.id)
    for (const scope of [test, other]) {
      const seen = await everything(store, scope)
      const lists = [seen.charges, seen.refunds, seen.events, seen.entries, seen.deliveries]
      assert.deepEqual(
        lists.map((list) => list.data),
        [[], [], [], [], []],
      )
      assert.deepEqual([seen.accounts, seen.totals], [[], []])
      assert.equal(await store.charge(scope, commit.charge.id), undefined)
      assert.equal(await store.refund(scope, refund.id), undefined)
      assert.equal(await store.webhookDelivery(scope, id), undefined)
      assert.equal(await store.webhookEndpoint(scope, endpoint.id), undefined)
      assert.equal(await store.idempotencyRecord(scope, 'mine'), undefined)
    }
  })

  rule(open, 'one key is one request in each scope', async (store, scopes) => {
    const all = [scopes.live, scopes.test, scopes.other]
    for (const scope of all) await committed(store, chargeCommit({ scope, key: 'shared' }))
    for (const scope of all) {
      const { charges, events } = await everything(store, scope)
      assert.deepEqual([charges.data.length, events.data[0]?.sequence], [1, 1])
    }
  })
}

export function scopesUntouched(open: Open): void {
  rule(
    open,
    'a refund, and a retry of a delivery, reach nothing of another scope',
    async (store, { live, test, other }) => {
      const commit = chargeCommit({ scope: live })
      await committed(store, commit)
      const { endpoint, events } = await heldEndpoint(store, live, 'mine', 1)
      const failed = resultOf(events[0]!, endpoint.id, { state: 'failed' })
      await recorded(store, endpoint, 'mine', { results: [failed] })
      const { id } = failed.delivery
      const before = await everything(store, live)
      for (const scope of [test, other]) {
        assert.deepEqual(await store.commit(refundCommit(commit.charge, { scope })), {
          kind: 'version_conflict',
        })
        assert.equal(await store.retryWebhookDelivery(scope, id, tick(), auditEntry(scope)), false)
      }
      assert.deepEqual(await everything(store, live), before)
    },
  )

  rule(open, 'balances and counters of a scope are its own', async (store, scopes) => {
    const amounts = [
      [scopes.live, 100n],
      [scopes.test, 200n],
      [scopes.other, 300n],
    ] as const
    await Promise.all(amounts.map(([scope, amount]) => charged(store, { scope, amount: Number(amount) })))
    for (const [scope, amount] of amounts) {
      const { accounts, totals } = await everything(store, scope)
      assert.deepEqual(
        accounts.map((account) => account.balance),
        [-amount, amount],
      )
      assert.equal(totals[0]?.charges_succeeded, 1)
    }
  })
}

export function closing(open: Open): void {
  rule(open, 'a store that is open is ready', async (store) => {
    assert.equal(await store.ready(), undefined)
  })

  rule(
    open,
    'commits that were begun before a close are done, and later ones are refused',
    async (store, { live }) => {
      const begun = Promise.all(Array.from({ length: 20 }, () => store.commit(chargeCommit({ scope: live }))))
      const closed = store.close()
      assert.ok((await begun).every((result) => result.kind === 'committed'))
      await closed
      const refused = (error: unknown) => error instanceof StoreUnavailable && error.reason === 'closing'
      await assert.rejects(store.commit(chargeCommit({ scope: live })), refused)
      await assert.rejects(store.ready(), refused)
      await assert.rejects(store.charges(live, { limit: 1 }), StoreUnavailable)
    },
  )
}
