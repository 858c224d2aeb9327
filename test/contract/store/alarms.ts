import assert from 'node:assert/strict'
import { ALARM_KINDS, type Alarm } from '../../../src/domain/alarm.ts'
import type { Charge, Dispute } from '../../../src/domain/charge.ts'
import { type Commit, type Scope, type Store, StoreUnavailable } from '../../../src/ports/store.ts'
import { committed, everything, newId, type Open, rule, taken, tick } from '../../kit/commits.ts'
import { disputed } from './disputes.ts'
import { changed } from './steps.ts'

/** An open alarm of a charge that blocks its money. */
export function alarmOf(charge: Charge, changes: Partial<Alarm> = {}): Alarm {
  return {
    id: newId('alm'),
    chargeId: charge.id,
    attemptId: null,
    disputeId: null,
    kind: 'amount_mismatch',
    provider: charge.provider,
    said: 'succeeded',
    reference: `pay_${charge.id}`,
    amount: 400,
    currency: 'usd',
    message: 'MiniPay asked for 1000 usd, the provider says 400 usd.',
    state: 'open',
    inDoubt: true,
    openedAt: tick(),
    closedAt: null,
    reason: null,
    ...changes,
  }
}

/** The step that stores alarms of a charge as it was read. */
export function alarmsCommit(scope: Scope, charge: Charge, alarms: readonly Alarm[]): Commit {
  return { ...changed(scope, charge, {}), alarms }
}

/** Commits alarms, and returns their charge after it. */
async function raised(store: Store, scope: Scope, charge: Charge, ...alarms: Alarm[]): Promise<Charge> {
  const commit = alarmsCommit(scope, charge, alarms)
  await committed(store, commit)
  return commit.charge
}

const NONE = Object.fromEntries(Object.keys(ALARM_KINDS).map((kind) => [kind, 0]))

export function alarms(open: Open): void {
  rule(open, 'an alarm is stored whole, with the step that raises it', async (store, { live: scope }) => {
    const { charge } = await taken(store, { scope })
    const full = alarmOf(charge, { attemptId: newId('att'), disputeId: newId('dp') })
    const bare = alarmOf(charge, {
      ...{ kind: 'dispute_mismatch', said: 'open', reference: null, amount: null, currency: null },
      inDoubt: false,
    })
    await raised(store, scope, charge, full, bare)
    assert.deepEqual(await store.alarm(scope, full.id), full)
    assert.deepEqual(await store.alarm(scope, bare.id), bare)
    assert.deepEqual((await store.alarms(scope, { limit: 9 })).data, [bare, full])
    assert.deepEqual(await store.alarmTotals(), { ...NONE, amount_mismatch: 1, dispute_mismatch: 1 })
  })

  rule(
    open,
    'an alarm that changes is changed, and counts while it is open',
    async (store, { live: scope }) => {
      const { charge } = await taken(store, { scope })
      const alarm = alarmOf(charge)
      const other = alarmOf(charge, { kind: 'reference_reused' })
      let current = await raised(store, scope, charge, alarm, other)
      const settled = { ...alarm, inDoubt: false, message: 'It was booked as asked.' }
      current = await raised(store, scope, current, settled)
      assert.deepEqual(await store.alarm(scope, alarm.id), settled)
      assert.deepEqual(await store.alarmTotals(), { ...NONE, amount_mismatch: 1, reference_reused: 1 })
      const closed = { ...settled, state: 'closed', closedAt: tick(), reason: 'I looked.' } as const
      current = await raised(store, scope, current, closed)
      assert.deepEqual(await store.alarm(scope, alarm.id), closed)
      assert.deepEqual(await store.alarmTotals(), { ...NONE, reference_reused: 1 })
      await raised(store, scope, current, { ...closed, reason: 'I looked twice.' }, alarmOf(current))
      assert.deepEqual(await store.alarmTotals(), { ...NONE, amount_mismatch: 1, reference_reused: 1 })
    },
  )

  rule(open, 'a step that is refused stores no alarm', async (store, { live: scope }) => {
    const { charge } = await taken(store, { scope })
    await raised(store, scope, charge)
    const late = alarmOf(charge)
    assert.deepEqual(await store.commit(alarmsCommit(scope, charge, [late])), { kind: 'version_conflict' })
    assert.equal(await store.alarm(scope, late.id), undefined)
    assert.deepEqual(await store.alarmTotals(), NONE)
  })
}

export function alarmLists(open: Open): void {
  rule(
    open,
    'alarms are listed newest first, by charge, open or closed, in their scope',
    async (store, { live, test, other }) => {
      const { charge } = await taken(store, { scope: live })
      const { charge: second } = await taken(store, { scope: live })
      const made = [1, 2, 3].map(() => alarmOf(charge)).concat(alarmOf(second))
      const [a, b, c, d] = made.map(({ id }) => id) as [string, string, string, string]
      const current = await raised(store, live, charge, ...made.slice(0, 3))
      await raised(store, live, second, made[3]!)
      const closing = { state: 'closed', inDoubt: false, closedAt: tick(), reason: 'I looked.' } as const
      await raised(store, live, current, { ...made[1]!, ...closing })
      const list = async (query: object, scope = live) => {
        const { data, hasMore } = await store.alarms(scope, { limit: 10, ...query })
        return [data.map(({ id }) => id), hasMore]
      }
      assert.deepEqual(await list({}), [[d, c, b, a], false])
      assert.deepEqual(await list({ limit: 2, startingAfter: d }), [[c, b], true])
      assert.deepEqual(await list({ state: 'open' }), [[d, c, a], false])
      assert.deepEqual(await list({ state: 'open', limit: 1, startingAfter: d }), [[c], true])
      assert.deepEqual(await list({ state: 'closed' }), [[b], false])
      assert.deepEqual(await list({ chargeId: charge.id }), [[c, b, a], false])
      assert.deepEqual(await list({ chargeId: charge.id, state: 'open' }), [[c, a], false])
      assert.deepEqual(await list({ chargeId: 'txn_other' }), [[], false])
      assert.deepEqual(await list({ provider: made[0]!.provider }), [[d, c, b, a], false])
      assert.deepEqual(await list({ provider: made[0]!.provider, state: 'closed' }), [[b], false])
      assert.deepEqual(await list({ provider: 'other' }), [[], false])
      for (const scope of [test, other]) {
        assert.deepEqual(await list({}, scope), [[], false])
        assert.equal(await store.alarm(scope, a), undefined)
      }
    },
  )
}

/** Impossible amounts of a charge of 1000. */
const IMPOSSIBLE: Readonly<Record<string, Partial<Charge>>> = {
  'more disputed than captured': { amountDisputed: 1_001 },
  'disputed below zero': { amountDisputed: -1 },
  'more refunded than captured': { amountCaptured: 500, amountRefunded: 501 },
  'more refunded and on its way than captured': { amountRefunded: 600, amountRefundPending: 401 },
  'refunds on their way below zero': { amountRefundPending: -1 },
  'refunded below zero': { amountRefunded: -1 },
  'captured below zero': { amountCaptured: -1 },
}

const IMPOSSIBLE_DISPUTES: Readonly<Record<string, Partial<Dispute>>> = {
  'of less than nothing': { amount: -1 },
  'booked below zero': { amountBooked: -1 },
  'won, and booked': { status: 'won', amountBooked: 1 },
}

const IMPOSSIBLE_ALARMS: Readonly<Record<string, Partial<Alarm>>> = {
  'of less than nothing': { amount: -1 },
  'closed, and in doubt': { state: 'closed', closedAt: 1, reason: 'I looked.' },
  'closed at no time': { state: 'closed', inDoubt: false, reason: 'I looked.' },
  'open, and closed at a time': { closedAt: 1 },
  'open, with the reason of its end': { reason: 'I looked.' },
  'in a state of its own': { state: 'shelved' as 'open' },
}

export function impossibleRows(open: Open): void {
  rule(
    open,
    'the schema refuses amounts, disputes and alarms that cannot be',
    async (store, { live: scope }) => {
      const { charge: before } = await taken(store, { scope, amount: 1_000 })
      const { charge, dispute } = await disputed(store, scope, before, 400)
      const stored = await everything(store, scope)
      const refused = async (what: string, commit: Commit) => {
        const result = await store.commit(commit).catch((error: Error) => error)
        assert.ok(result instanceof Error && !(result instanceof StoreUnavailable), what)
      }
      for (const [what, amounts] of Object.entries(IMPOSSIBLE))
        await refused(what, changed(scope, charge, amounts))
      for (const [what, changes] of Object.entries(IMPOSSIBLE_DISPUTES))
        await refused(what, { ...changed(scope, charge, {}), dispute: { ...dispute, ...changes } })
      for (const [what, changes] of Object.entries(IMPOSSIBLE_ALARMS))
        await refused(what, alarmsCommit(scope, charge, [alarmOf(charge, changes)]))
      assert.deepEqual(await everything(store, scope), stored)
    },
  )

  rule(open, 'the schema takes what is at the bounds', async (store, { live: scope }) => {
    const { charge } = await taken(store, { scope, amount: 1_000 })
    const all = { amountRefunded: 600, amountRefundPending: 400, amountDisputed: 1_000 }
    const full = changed(scope, charge, all)
    await committed(store, full)
    assert.deepEqual(await store.charge(scope, charge.id), full.charge)
    const { dispute } = await disputed(store, scope, (await taken(store, { scope })).charge, 1)
    const other = (await taken(store, { scope })).charge
    const foreign = { ...dispute, id: newId('dp'), providerReference: 'd', chargeId: other.id }
    const nothing = { ...foreign, amount: 0, amountBooked: 0, currency: 'jpy' }
    await committed(store, { ...changed(scope, other, {}), dispute: nothing })
    assert.deepEqual(await store.dispute(scope, nothing.id), nothing)
    const more = { ...nothing, amount: 5_000, amountBooked: 1_000, status: 'lost' } as const
    await committed(store, { ...changed(scope, { ...other, version: other.version + 1 }, {}), dispute: more })
    assert.deepEqual(await store.dispute(scope, more.id), more)
  })
}
