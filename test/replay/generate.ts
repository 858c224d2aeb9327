/** Draws a log from its seed. It asks no server: what it says of a charge is what was meant to become of it. */
import { type Draw, drawsFrom } from '../kit/draws.ts'
import { atBank } from './bank-stories.ts'
import { type Log, type Operation, type Providers, type Request, requestsOf } from './log.ts'
import { race, vault } from './races.ts'
import { deliveryReads, read, strange, walk } from './reads.ts'
import { RULE_SETS, ruleSetBody, SANDBOX_RULE_SETS, simulationBody } from './routing.ts'
import { amountOf, CURRENCIES, customerOf, metadataOf, spoilt, textOf } from './values.ts'

/** A charge as it was meant, by the operation that makes it. */
export type Payment = {
  readonly made: string
  readonly amount: number
}

const TOKENS = [
  'tok_visa',
  'pm_card_amex',
  'tok_chargeDeclined',
  'tok_chargeDeclinedInsufficientFunds',
  'tok_chargeDeclinedStolenCard',
  'pm_card_visa_chargeDeclinedProcessingError',
  'tok_of_nobody "\\ 🦄',
] as const
const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'

export class Draft {
  readonly draw: Draw
  readonly operations: Operation[] = []
  readonly payments: Payment[] = []
  readonly refunds: string[] = []
  readonly markers: string[] = []
  /** Requests that were sent with a key of their own. */
  readonly #keyed: Request[] = []
  providers: Providers = 'sandbox'
  /** Charges that surely were made since the last race. */
  newest = 0

  constructor(seed: number) {
    this.draw = drawsFrom(seed)
  }

  /** The number of the next operation. */
  get next(): string {
    return String(this.operations.length)
  }

  add(...operations: readonly Operation[]): void {
    this.operations.push(...operations)
  }

  send(request: Request): void {
    if (request.key !== undefined) this.#keyed.push(request)
    this.add({ kind: 'send', request })
  }

  get(path: string): void {
    this.send({ method: 'GET', path })
  }

  /** A key of its own, or none. */
  key(): { key?: string } {
    if (this.draw.chance(0.2)) return {}
    return { key: `${this.draw.of(['key', 'k"\\', "k'{}$1"])}-${this.next}` }
  }

  /** A charge that is made, whatever its provider says of it; its body may be changed. */
  charge(fields: Record<string, unknown> = {}): Payment {
    const body = { ...this.chargeBody(), ...fields }
    const payment = { made: this.next, amount: Number(body['amount']) }
    this.payments.push(payment)
    this.newest++
    this.send({ method: 'POST', path: CHARGES, body: JSON.stringify(body), ...this.key() })
    return payment
  }

  chargeBody(): Record<string, unknown> {
    const { draw } = this
    return {
      amount: amountOf(draw),
      currency: draw.of(CURRENCIES),
      customer: customerOf(draw),
      ...(draw.chance(0.4) && { capture: draw.chance(0.4) }),
      ...(draw.chance(0.4) && { payment_method: draw.of(TOKENS) }),
      ...(draw.chance(0.3) && { description: draw.chance(0.1) ? '' : textOf(draw, 1_000) }),
      ...(draw.chance(0.4) && { metadata: metadataOf(draw) }),
    }
  }

  /** A sale that succeeds, in the sandbox. */
  sale(amount: number, fields: object = {}): Payment {
    return this.charge({ amount, capture: true, payment_method: 'tok_visa', metadata: {}, ...fields })
  }

  payment(): Payment | undefined {
    const { payments, draw } = this
    if (payments.length === 0) return undefined
    // Mostly of late, so that there are steps that fit.
    const from = draw.chance(0.7) ? Math.max(0, payments.length - 30) : 0
    return payments[draw.between(from, payments.length - 1)]
  }

  /** A request with its key of before: the same again, another body, or another route. */
  again(): void {
    const { draw } = this
    if (this.#keyed.length === 0) return
    const before = draw.of(this.#keyed)
    const turn = draw.next()
    if (turn < 0.6) this.add({ kind: 'send', request: before })
    else if (turn < 0.8) this.add({ kind: 'send', request: reordered(before) })
    else if (turn < 0.9)
      this.add({ kind: 'send', request: { ...before, body: JSON.stringify(this.chargeBody()) } })
    else this.add({ kind: 'send', request: { ...before, path: draw.of([CHARGES, REFUNDS]) } })
  }
}

/** The same JSON in other words. */
function reordered(request: Request): Request {
  const { body } = request
  if (body === undefined) return { ...request, body: ' {} ' }
  const entries = Object.entries(JSON.parse(body) as object)
  return { ...request, body: JSON.stringify(Object.fromEntries(entries.toReversed()), null, 1) }
}

/** A log of about so many requests. */
export function logOf(seed: number, requests: number): Log {
  const draft = new Draft(seed)
  const log = { seed, operations: draft.operations }
  marker(draft)
  for (; requestsOf(log) < requests * 0.35; ) step(draft)
  draft.add({ kind: 'census' }, { kind: 'restart', providers: 'bank' })
  draft.providers = 'bank'
  const body = JSON.stringify({ document: RULE_SETS[0] })
  draft.add({ kind: 'send', request: { method: 'PUT', path: '/api/v1/routing', body } })
  for (; requestsOf(log) < requests * 0.95; ) step(draft)
  // A balance that is full has a race to itself, where there is room for one.
  if (requests >= 5_000) vault(draft)
  for (; requestsOf(log) < requests; ) step(draft)
  draft.add({ kind: 'census' }, { kind: 'restart', providers: 'bank' }, { kind: 'census' })
  return log
}

const STEPS: readonly (readonly [share: number, step: (draft: Draft) => void])[] = [
  [26, (draft) => void draft.charge()],
  [7, capture],
  [5, cancel],
  [14, refund],
  [9, bad],
  [6, (draft) => draft.send(strange(draft.draw))],
  [9, (draft) => draft.again()],
  [16, reading],
  [1, (draft) => draft.add(walk(draft.draw))],
  [1.5, marker],
  [2.5, race],
  [2, routing],
  [0.5, (draft) => draft.add(...deliveryReads(draft.draw))],
  [1.8, (draft) => draft.providers === 'bank' && atBank(draft)],
]
const WHOLE = STEPS.reduce((sum, [share]) => sum + share, 0)

function step(draft: Draft): void {
  let at = draft.draw.next() * WHOLE
  for (const [share, take] of STEPS) {
    at -= share
    if (at >= 0) continue
    take(draft)
    return
  }
}

function reading(draft: Draft): void {
  const { payments, refunds, markers } = draft
  draft.add(read(draft.draw, { charges: payments.map(({ made }) => made), refunds, markers }))
}

/** A charge whose time is its own, for lists by time. */
function marker(draft: Draft): void {
  draft.add({ kind: 'tick' })
  draft.markers.push(draft.next)
  draft.sale(100)
  draft.add({ kind: 'tick' })
}

function capture(draft: Draft): void {
  const { draw } = draft
  // Half of the time on a hold that is surely there.
  const payment = draw.chance(0.5)
    ? draft.charge({ capture: false, payment_method: 'tok_visa' })
    : draft.payment()
  if (!payment) return
  const amount = draw.of([undefined, payment.amount, Math.ceil(payment.amount / 3), payment.amount + 1])
  const path = `${CHARGES}/{txn:${payment.made}}/capture`
  const body = draw.chance(0.3) ? {} : { body: JSON.stringify({ amount }) }
  draft.send({ method: 'POST', path, ...body, ...draft.key() })
}

function cancel(draft: Draft): void {
  const { draw } = draft
  const payment = draw.chance(0.4) ? draft.charge({ capture: false }) : draft.payment()
  if (payment) draft.send({ method: 'POST', path: `${CHARGES}/{txn:${payment.made}}/cancel`, ...draft.key() })
}

function refund(draft: Draft): void {
  const { draw } = draft
  const payment = draw.chance(0.2) ? draft.sale(draw.between(3, 100_000)) : draft.payment()
  if (!payment) return
  const { amount: all } = payment
  const amount = draw.of([undefined, undefined, 1, Math.ceil(all / 2), Math.ceil(all / 3), all, all + 1])
  draft.refunds.push(draft.next)
  const body = JSON.stringify({
    transaction_id: `{txn:${payment.made}}`,
    amount,
    ...(draw.chance(0.2) && { reason: textOf(draw, 255) }),
    ...(draw.chance(0.2) && { description: textOf(draw, 1_000) }),
    ...(draw.chance(0.2) && { metadata: metadataOf(draw) }),
  })
  draft.send({ method: 'POST', path: REFUNDS, body, ...draft.key() })
}

function bad(draft: Draft): void {
  const { draw } = draft
  const body = draft.chargeBody()
  const request = { method: 'POST', path: CHARGES, body: JSON.stringify(body) }
  const turn = draw.next()
  if (turn < 0.8)
    draft.add({ kind: 'send', request: { ...request, body: spoilt(draw, body), ...draft.key() } })
  else if (turn < 0.9) draft.add({ kind: 'send', request: { ...request, key: draw.of(BAD_KEYS) } })
  else draft.add({ kind: 'send', request: { ...request, headers: draw.of(BAD_HEADERS) } })
}

const BAD_KEYS = ['two words', 'k'.repeat(256), 'caf\u00e9', '4242424242424242'] as const
const BAD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-encoding': 'gzip' },
]

function routing(draft: Draft): void {
  const { draw } = draft
  const sets = draft.providers === 'bank' ? RULE_SETS : SANDBOX_RULE_SETS
  const isChange = draw.chance(0.4)
  const body = isChange ? ruleSetBody(draw, sets) : simulationBody(draw, sets, draft.newest)
  if (isChange) draft.send({ method: 'PUT', path: '/api/v1/routing', body })
  else draft.send({ method: 'POST', path: '/api/v1/routing/simulate', body })
}
