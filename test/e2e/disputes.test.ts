/** Disputes: their effects on the ledger, on refunds, and the events that report them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Charge, type Dispute, eventsAfter, type Page, until } from '../kit/client.ts'
import { startWorld, type World } from '../kit/world.ts'

let world: World
before(async () => {
  world = await startWorld({ banks: ['bank_a'] })
  await world.notify()
})
after(() => world?.close())

const bank = () => world.bank('bank_a')
const list = async (id: string) =>
  (await world.api.get<Page<Dispute>>(`/api/v1/disputes?transaction_id=${id}`)).body.data
const open = async ({ provider_reference }: Charge, amount?: number) =>
  (await bank().control<{ dispute: string }>('POST', '/disputes', { payment: provider_reference, amount }))
    .dispute
const end = (dispute: string, status: 'won' | 'lost') =>
  bank().control('POST', `/disputes/${dispute}`, { status })
/** The charge's disputes, once each has the status that is expected of it. */
const become = (id: string, ...statuses: Dispute['status'][]) =>
  until(
    () => list(id),
    (all) => JSON.stringify(all.map(({ status }) => status).sort()) === JSON.stringify(statuses.toSorted()),
  )
/** How the balances changed since. */
async function change(before: Record<string, number>): Promise<Record<string, number>> {
  const now = await world.balances()
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const changes = names.map((name) => [name, (now[name] ?? 0) - (before[name] ?? 0)] as const)
  return Object.fromEntries(changes.filter(([, by]) => by !== 0))
}

test('a dispute sets its money aside, and its event has the dispute', async () => {
  const charge = await world.api.charge()
  const before = await world.balances()
  const reference = await open(charge, 1000)
  const [dispute] = await become(charge.id, 'open')
  assert.deepEqual(
    [dispute?.transaction_id, dispute?.amount, dispute?.currency, dispute?.customer, dispute?.provider],
    [charge.id, 1000, 'usd', 'cus_42', 'bank_a'],
  )
  assert.deepEqual([dispute?.provider_reference, dispute?.reason], [reference, 'fraudulent'])
  assert.deepEqual(await change(before), { 'merchant usd': 1000, 'disputes:bank_a usd': -1000 })
  const now = await world.retrieve(charge.id)
  assert.deepEqual([now.status, now.amount_disputed], ['succeeded', 1000])
  const events = (await eventsAfter(world.api)).filter(({ data }) => data.id === charge.id)
  const [, opened] = events
  assert.deepEqual(
    [opened?.type, opened?.data.dispute, opened?.data.amount_disputed],
    ['dispute.opened', dispute, 1000],
  )
})

test('a dispute that is won gives the money back', async () => {
  const charge = await world.api.charge()
  const before = await world.balances()
  const reference = await open(charge)
  await become(charge.id, 'open')
  await end(reference, 'won')
  await become(charge.id, 'won')
  assert.deepEqual(await change(before), {})
  assert.equal((await world.retrieve(charge.id)).amount_disputed, 0)
  assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded', 'dispute.opened', 'dispute.won'])
  assert.equal((await world.api.refund(charge.id)).status, 'refunded')
})

test('a dispute that is lost takes the money from what the provider holds', async () => {
  const charge = await world.api.charge()
  const before = await world.balances()
  const reference = await open(charge, 1500)
  await become(charge.id, 'open')
  await end(reference, 'lost')
  await become(charge.id, 'lost')
  assert.deepEqual(await change(before), { 'merchant usd': 1500, 'provider:bank_a usd': -1500 })
  assert.equal((await world.retrieve(charge.id)).amount_disputed, 1500)
  assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded', 'dispute.opened', 'dispute.lost'])
})

test('what is disputed, or lost, is not refunded', async () => {
  const charge = await world.api.charge()
  const reference = await open(charge, 2000)
  await become(charge.id, 'open')
  const more = await world.tryRefund(charge.id, { amount: 501 })
  assert.deepEqual([more.status, more.body.code], [409, 'refund_exceeds_remaining'])
  assert.equal((await world.api.refund(charge.id)).amount, 500)
  for (const outcome of [undefined, 'lost'] as const) {
    if (outcome) {
      await end(reference, outcome)
      await become(charge.id, outcome)
    }
    const { status, body } = await world.tryRefund(charge.id)
    assert.deepEqual([status, body.code], [409, 'charge_disputed'])
  }
  assert.equal((await world.retrieve(charge.id)).amount_refunded, 500)
})

test('disputes of one charge are booked each by itself', async () => {
  const charge = await world.api.charge()
  const first = await open(charge, 1000)
  const second = await open(charge, 700)
  await become(charge.id, 'open', 'open')
  await end(first, 'won')
  await end(second, 'lost')
  await become(charge.id, 'won', 'lost')
  assert.equal((await world.retrieve(charge.id)).amount_disputed, 700)
})

test('a dispute that was decided before its first notification has the events opened, then decided', async () => {
  const charge = await world.api.charge()
  await bank().control('PUT', '/notify', { url: '' })
  await end(await open(charge, 900), 'lost')
  assert.deepEqual(await list(charge.id), [])
  await world.notify()
  await become(charge.id, 'lost')
  assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded', 'dispute.opened', 'dispute.lost'])
})

test('a dispute against a refund at the same moment: together never more than was captured', async () => {
  const charges = await Promise.all(Array.from({ length: 8 }, () => world.api.charge()))
  await Promise.all(
    charges.flatMap((charge) => [open(charge, 1000), world.tryRefund(charge.id, { amount: 1500 })]),
  )
  for (const { id } of charges) {
    await become(id, 'open')
    const { amount_refunded, amount_disputed } = await world.retrieve(id)
    assert.deepEqual([amount_refunded, amount_disputed], [1500, 1000])
  }
})

test('disputes are listed newest first, page by page', async () => {
  const { body } = await world.api.get<Page<Dispute>>('/api/v1/disputes?limit=100')
  const ids = body.data.map(({ id }) => id)
  assert.deepEqual(ids, [...ids].sort().reverse())
  const first = await world.api.get<Page<Dispute>>('/api/v1/disputes?limit=2')
  const next = await world.api.get<Page<Dispute>>(`/api/v1/disputes?limit=2&starting_after=${ids[1]}`)
  assert.deepEqual(
    [...first.body.data, ...next.body.data].map(({ id }) => id),
    ids.slice(0, 4),
  )
  assert.equal((await world.api.get('/api/v1/disputes?starting_after=dp_nobody')).status, 400)
})

test('open disputes are listed by their deadline, and one that has ended says when', async () => {
  const later = await open(await world.api.charge())
  const evidence_due_at = '2026-11-24T09:00:00.000Z'
  const charge = await world.api.charge()
  await bank().control('POST', '/disputes', { payment: charge.provider_reference, evidence_due_at })
  const [soon] = await become(charge.id, 'open')
  assert.deepEqual([soon?.evidence_due_at, soon?.closed_at], [evidence_due_at, null])
  const get = (query: string) => world.api.get<Page<Dispute>>(`/api/v1/disputes?limit=100&${query}`)
  const due = await until(
    async () => (await get('due_before=2100-01-01T00:00:00Z')).body.data,
    (all) => all.some(({ provider_reference }) => provider_reference === later),
  )
  assert.equal(due[0]?.id, soon?.id)
  const deadlines = due.map((dispute) => dispute.evidence_due_at as string)
  assert.deepEqual(deadlines, deadlines.toSorted())
  const rest = await get(`due_before=2100-01-01T00:00:00Z&starting_after=${soon?.id}`)
  assert.deepEqual(rest.body.data, due.slice(1))
  assert.deepEqual((await get(`due_before=${evidence_due_at}`)).body.data, [])

  await end(soon?.provider_reference as string, 'lost')
  const [lost] = await become(charge.id, 'lost')
  assert.equal(lost?.evidence_due_at, null)
  const events = (await eventsAfter(world.api)).filter(({ data }) => data.id === charge.id)
  assert.equal(events.at(-1)?.created_at, lost?.closed_at)
  assert.ok((await get('status=lost')).body.data.some(({ id }) => id === lost?.id))
  const one = await world.api.get<Dispute>(`/api/v1/disputes/${lost?.id}`)
  assert.deepEqual([one.status, one.body], [200, lost])
})

test('a dispute that does not exist, and a filter that does not fit, are refused in words', async () => {
  const refused = async (path: string) => {
    const { status, body } = await world.api.get<{ code: string; param?: string }>(`/api/v1/disputes${path}`)
    return [status, body.code, body.param]
  }
  assert.deepEqual(await refused('/dp_nobody'), [404, 'dispute_not_found', 'id'])
  assert.deepEqual(await refused('?status=closed'), [400, 'parameter_invalid', 'status'])
  assert.deepEqual(await refused('?due_before=tomorrow'), [400, 'parameter_invalid', 'due_before'])
  const due = 'due_before=2100-01-01T00:00:00Z'
  assert.deepEqual(await refused(`?${due}&status=won`), [400, 'parameter_invalid', 'status'])
  assert.deepEqual(await refused(`?${due}&transaction_id=txn_1`), [
    400,
    'parameter_invalid',
    'transaction_id',
  ])
  const won = (await world.api.get<Page<Dispute>>('/api/v1/disputes?status=won&limit=1')).body.data[0]
  assert.deepEqual(await refused(`?${due}&starting_after=${won?.id}`), [
    400,
    'cursor_invalid',
    'starting_after',
  ])
})
