/** The rules for a cluster after a storm, as a client can check them. Every rule names the object that breaks it. */

import { type Lists, readLists } from '../kit/books.ts'
import type { Refund } from '../kit/client.ts'
import type { Reader } from '../kit/reader.ts'
import { runCli } from '../kit/server.ts'
import type { StatedPayment, Statement } from '../kit/simulator.ts'
import type { Asked, AskedStep, Order } from './clients.ts'
import type { World } from './world.ts'

export type Books = Pick<Lists, 'charges' | 'refunds' | 'events' | 'accounts'> & {
  readonly statement: Statement
}

export async function readBooks(url: string, { bank }: Pick<World, 'bank'>): Promise<Books> {
  const lists = await readLists(url, 'charges', 'refunds', 'events', 'accounts')
  return { ...lists, statement: await bank.statement() }
}

/** The input of the audit; it need not come from a cluster. */
export type Audited = Pick<World, 'nodes' | 'database' | 'bank' | 'told' | 'refused' | 'sql'>

/** All problems, each as a sentence; empty without any. */
export async function audit(
  world: Audited,
  books: Books,
  orders: readonly Order[],
  reader: Reader,
): Promise<string[]> {
  const wrong = [...reader.wrong, ...world.refused]
  const found = (sentence: string) => void wrong.push(sentence)
  chargesAreAsAsked(books, orders, found)
  refundsAreAsAsked(books, orders, found)
  eventsTellAll(books, orders, found)
  for (const [i, { id }] of reader.seen.entries())
    if (books.events[i]?.id !== id) found(`a reader has seen ${id} as event ${i + 1}, which it is not`)
  if (reader.seen.length < books.events.length)
    found(`a reader found ${reader.seen.length} of ${books.events.length} events`)
  for (const { id, sequence } of books.events)
    if (!world.told.has(id)) found(`event ${sequence} was never delivered: ${id}`)
  bankAgrees(books, found)
  await databaseAgrees(world, books, found)
  for (const node of world.nodes)
    for (const line of node.log().split('\n'))
      if (line.includes('"level":"error"') && !line.includes('Database unavailable; requests get 503'))
        found(`a node logged ${line}`)
  return wrong
}

type Found = (sentence: string) => void
const OPEN = new Set(['processing', 'requires_action'])

function chargesAreAsAsked({ charges }: Books, orders: readonly Order[], found: Found): void {
  const byKey = Map.groupBy(charges, (charge) => charge.idempotency_key)
  const asked = new Set(orders.map((order) => order.charge.key))
  for (const { id, idempotency_key } of charges)
    if (!asked.has(idempotency_key)) found(`${id} was asked for by nobody: ${idempotency_key}`)
  for (const order of orders) {
    const { key, final } = order.charge
    const [made, ...more] = byKey.get(key) ?? []
    if (more.length > 0) found(`the key ${key} has ${more.length + 1} charges`)
    if (final && !made) found(`the charge of ${key} was acknowledged and is gone`)
    if (!made) continue
    const should = expected(order)
    for (const name of Object.keys(should) as (keyof typeof should)[])
      if (should[name] !== undefined && made[name] !== should[name])
        found(`${made.id} (${key}): ${name} is ${made[name]}, not ${should[name]}`)
    if (OPEN.has(made.status) || made.amount_refund_pending !== 0)
      found(`${made.id} (${key}) is ${made.status}, with refunds of ${made.amount_refund_pending} pending`)
  }
}

/** The expected charge after all acknowledged requests; undefined for fields whose response the client never got. */
function expected({ charge, steps }: Order) {
  const { amount, currency, customer, capture } = charge.body as Record<string, number | string | boolean>
  const { final } = charge
  const id = final?.body.id ?? final?.body.charge?.id
  const failed = final?.status === 402 || final?.status === 502
  const captures = done(steps, 'capture')
  const captured = capture && !failed ? amount : sum(captures.map(({ asked }) => asked))
  const canceled = done(steps, 'cancel').length > 0
  // A cancel that came during the capture refunds everything.
  const refunded = canceled ? captured : sum(done(steps, 'refund').map(({ asked }) => asked))
  const told = { id, amount, currency, customer, capture }
  if (!final) return { ...told, amount_refunded: 0 }
  const status = failed
    ? 'failed'
    : canceled && captured === 0
      ? 'canceled'
      : captured === 0
        ? 'authorized'
        : refunded === 0
          ? 'succeeded'
          : refunded === captured
            ? 'refunded'
            : 'partially_refunded'
  return { ...told, amount_captured: captured, amount_refunded: refunded, status }
}

function done(steps: readonly AskedStep[], kind: AskedStep['step']['kind']): readonly AskedStep[] {
  return steps.filter(({ step, asked }) => step.kind === kind && asked.final?.status === 200)
}

/** The acknowledged requests, by the charge in their response. */
function sum(asked: readonly Asked[]): number {
  return asked.reduce((total, { final }) => {
    const { amount = 0, amount_captured = amount } = final?.body ?? {}
    return total + amount_captured
  }, 0)
}

function refundsAreAsAsked({ charges, refunds }: Books, orders: readonly Order[], found: Found): void {
  const steps = orders.flatMap((order) => order.steps)
  const asked = new Map(steps.map((one) => [one.asked.key, one]))
  const byKey = Map.groupBy(refunds, (refund) => refund.idempotency_key)
  for (const [key, made] of byKey) {
    const one = asked.get(key)
    const [{ id, refund_id, amount, status }] = made as [Refund]
    if (one?.step.kind === 'cancel') continue
    if (one?.step.kind !== 'refund') found(`${refund_id} of ${id} was asked for by nobody: ${key}`)
    else if (made.length > 1) found(`the key ${key} has ${made.length} refunds`)
    else if (one.step.amount !== null && one.step.amount !== amount)
      found(`${refund_id} is of ${amount}, and ${one.step.amount} were asked for`)
    if (OPEN.has(status)) found(`${refund_id} of ${id} is ${status}`)
  }
  for (const { asked: request, step } of steps)
    if (step.kind === 'refund' && request.final?.status === 200 && !byKey.has(request.key))
      found(`the refund of ${request.key} was acknowledged and is gone`)
  const byCharge = Map.groupBy(refunds, (refund) => refund.id)
  for (const { id, amount_captured, amount_refunded } of charges) {
    const paid = (byCharge.get(id) ?? []).filter(({ status }) => status !== 'failed')
    const total = paid.reduce((of, { amount }) => of + amount, 0)
    if (total !== amount_refunded || total > amount_captured)
      found(`${id} has refunds of ${total}, says ${amount_refunded}, and ${amount_captured} were captured`)
  }
}

/** The numbers have no gap, and each change has one event. */
function eventsTellAll({ events, charges, refunds }: Books, orders: readonly Order[], found: Found): void {
  for (const [i, { sequence, epoch }] of events.entries()) {
    const before = events[i - 1]
    // If a node starts after a failover and no other is serving, it begins an epoch.
    if (sequence !== (before?.sequence ?? 0) + 1 && (!before || before.epoch === epoch))
      found(`event ${i + 1} has the number ${sequence}`)
  }
  const undone = orders.flatMap(({ charge, steps }) =>
    steps
      .filter(({ step, asked }) => step.kind !== 'refund' && asked.final?.status === 502)
      .map(({ step }) => `payment.${step.kind}_failed ${charge.final?.body.id}`),
  )
  const should = [
    ...undone,
    ...charges.flatMap(({ id, status, capture }) => [
      ...(!capture && status !== 'failed' ? [`payment.authorized ${id}`] : []),
      ...(status === 'failed' ? [`payment.failed ${id}`] : []),
      ...(status === 'canceled' ? [`payment.canceled ${id}`] : []),
      ...(/succeeded|refunded/.test(status) ? [`payment.succeeded ${id}`] : []),
    ]),
    ...refunds.map(
      ({ refund_id, status }) => `${status === 'failed' ? 'refund.failed' : 'payment.refunded'} ${refund_id}`,
    ),
  ].sort()
  const told = events.map(({ type, data }) => `${type} ${data.refund?.refund_id ?? data.id}`).sort()
  const first = should.findIndex((line, i) => line !== told[i])
  if (first >= 0 || should.length !== told.length)
    found(
      `${told.length} events for ${should.length} changes: ${told[first]}, where ${should[first]} must be`,
    )
}

/** The bank's statement, payment by payment, agrees with MiniPay's charges there, and with the ledger. */
function bankAgrees({ charges, accounts, statement }: Books, found: Found): void {
  const line = ({ transaction_id, amount, captured, refunded }: StatedPayment) =>
    `${transaction_id} ${amount} ${captured} ${refunded}`
  const taken = statement.payments.filter(({ status }) => status !== 'declined')
  const theirs = taken.map(line).sort()
  const ours = charges
    .filter(({ provider, status }) => provider === 'bank' && status !== 'failed')
    .map((charge) => `${charge.id} ${charge.amount} ${charge.amount_captured} ${charge.amount_refunded}`)
    .sort()
  const first = ours.findIndex((mine, i) => mine !== theirs[i])
  if (first >= 0 || ours.length !== theirs.length)
    found(`the bank has ${theirs.length} payments, ${theirs[first]}; we ${ours.length}, ${ours[first]}`)
  const net = taken.reduce((of, { captured, refunded }) => of + captured - refunded, 0)
  const booked = accounts
    .filter(({ account }) => account === 'provider:bank')
    .reduce((of, { balance }) => of + balance, 0)
  if (booked !== net) found(`the ledger has ${booked} at the bank, which has ${net}`)
}

async function databaseAgrees({ database, sql }: Audited, books: Books, found: Found): Promise<void> {
  const { charges, refunds } = books
  const { code, stdout, stderr } = await runCli(['verify'], { MINIPAY_DATABASE: database })
  if (
    code !== 0 ||
    !stdout.startsWith(`The books balance: ${charges.length} charges, ${refunds.length} refunds,`)
  )
    found(`minipay verify: ${stdout}${stderr}`)
  // On SQLite the events themselves contain the last number.
  const lastNumber = database.startsWith('postgres') ? 'max(event) FROM sequences' : 'max(seq) FROM events'
  const [row] = await sql(
    `SELECT (SELECT count(*) FROM events) AS events, (SELECT ${lastNumber}) AS last,
      (SELECT count(*) FROM webhook_deliveries WHERE state = 'failed') AS failed`,
  )
  // PostgreSQL's client returns such numbers as text.
  const [events = 0, last = 0, failed] = [row?.['events'], row?.['last'], row?.['failed']].map(Number)
  const lastRead = books.events.at(-1)?.sequence ?? 0
  if (events !== books.events.length || last < lastRead || failed !== 0)
    found(`the database has ${events} events, the last is ${last}; ${failed} deliveries have failed`)
}
