/** Requests at once whose answers and effects, taken together, are the same whatever their order. */
import { MAX_AMOUNT } from '../../src/domain/money.ts'
import type { Draft } from './generate.ts'
import type { Operation, RaceKind, Request } from './log.ts'
import { RULE_SETS, SANDBOX_RULE_SETS } from './routing.ts'
import { STRANGE_IDS } from './values.ts'

const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'

/** A customer whose webhooks are all taken: of a race's failed ones the first would not be the same. */
const TAKES_ALL = 'cus_race'

type Race = (draft: Draft, size: number) => void

/** Each leaves nothing for later operations to depend on but what is the same whoever was first. */
const RACES: readonly Race[] = [
  oneKey,
  oneKeyTwoBodies,
  chargesApart,
  chargesAlike,
  refundsThatFit,
  refundsTooMany,
  refundOnce,
  capturesOfOneHold,
  cancelsOfOneHold,
  stepsApart,
  ruleSets,
]

export function race(draft: Draft): void {
  const { draw } = draft
  draw.of(RACES)(draft, draw.chance(0.1) ? 40 : draw.between(2, 10))
  draft.newest = 0
}

/** A currency that nothing else is in, and more of the largest charges than a balance has room for. */
export function vault(draft: Draft): void {
  const body = { amount: MAX_AMOUNT, currency: 'kwd', customer: 'cus_vault' }
  const full = Number((2n ** 63n - 1n) / BigInt(MAX_AMOUNT))
  run(draft, 'alike', full + 10, (key) => post(CHARGES, body, key))
  const more = { ...body, amount: 1_000 }
  draft.send(post(CHARGES, body, `vault-${draft.next}`))
  draft.send(post(CHARGES, more, `vault-${draft.next}`))
  draft.get('/api/v1/balance')
  draft.get('/api/v1/ledger/accounts')
  draft.newest = 0
}

function post(path: string, body: object | undefined, key?: string): Request {
  return {
    method: 'POST',
    path,
    ...(body && { body: JSON.stringify(body) }),
    ...(key !== undefined && { key }),
  }
}

function run(draft: Draft, of: RaceKind, size: number, request: (key: string, i: number) => Request): void {
  const at = draft.next
  const requests = Array.from({ length: size }, (_, i) => request(`${of}-${at}-${i}`, i))
  draft.add({ kind: 'race', of, requests } satisfies Operation)
}

function oneKey(draft: Draft, size: number): void {
  const body = draft.chargeBody()
  const key = `one-${draft.next}`
  run(draft, 'alike', size, () => post(CHARGES, body, key))
}

/** As many of one body as of the other. */
function oneKeyTwoBodies(draft: Draft, size: number): void {
  const stem = `either-${draft.next}`
  const body = { ...draft.chargeBody(), capture: true, payment_method: 'tok_visa' }
  const side = (i: number) => ({ ...body, description: `${stem}-${i % 2 === 0 ? 'a' : 'b'}` })
  run(draft, 'either', 2 * size, (_, i) => post(CHARGES, side(i), `one-${stem}`))
}

/** Each with a body of its own, some of them bad; later operations may go on with each. */
function chargesApart(draft: Draft, size: number): void {
  const { draw } = draft
  const at = draft.next
  run(draft, 'each', size, (key, i) => {
    const body: Record<string, unknown> = { ...draft.chargeBody(), customer: TAKES_ALL }
    const amount = draw.between(1, 1_000_000)
    if (draw.chance(0.1)) return post(CHARGES, { ...body, amount: 0 }, key)
    draft.payments.push({ made: `${at}.${i}`, amount })
    return post(CHARGES, { ...body, amount }, key)
  })
}

function chargesAlike(draft: Draft, size: number): void {
  const body = draft.chargeBody()
  run(draft, 'alike', size, (key) => post(CHARGES, body, key))
}

/** In the sandbox by every rule set: what a bank is in the middle of shows in the answers of those who come later. */
function sale(draft: Draft, amount: number, capture = true) {
  return draft.sale(amount, { currency: 'usd', capture })
}

function refundsThatFit(draft: Draft, size: number): void {
  const { made } = sale(draft, size * 100)
  run(draft, 'alike', size, (key) => post(REFUNDS, { transaction_id: `{txn:${made}}`, amount: 100 }, key))
}

function refundsTooMany(draft: Draft, size: number): void {
  const { made } = sale(draft, size * 60 + draft.draw.between(0, 59))
  run(draft, 'alike', size, (key) => post(REFUNDS, { transaction_id: `{txn:${made}}`, amount: 100 }, key))
}

/** All of it, without saying how much: one is done. */
function refundOnce(draft: Draft, size: number): void {
  const { made } = sale(draft, draft.draw.between(1, 100_000))
  const shared = draft.draw.chance(0.5) ? `one-${draft.next}` : undefined
  run(draft, 'alike', size, (key) => post(REFUNDS, { transaction_id: `{txn:${made}}` }, shared ?? key))
}

function capturesOfOneHold(draft: Draft, size: number): void {
  const { made, amount } = sale(draft, draft.draw.between(2, 100_000), false)
  const shared = draft.draw.chance(0.3) ? `one-${draft.next}` : undefined
  const body = draft.draw.chance(0.5) ? { amount: Math.ceil(amount / 2) } : {}
  run(draft, 'alike', size, (key) => post(`${CHARGES}/{txn:${made}}/capture`, body, shared ?? key))
}

function cancelsOfOneHold(draft: Draft, size: number): void {
  const { made } = sale(draft, draft.draw.between(2, 100_000), false)
  run(draft, 'alike', size, (key) => post(`${CHARGES}/{txn:${made}}/cancel`, undefined, key))
}

function hold(draft: Draft) {
  const toBank = draft.providers === 'bank' && draft.draw.chance(0.3)
  return draft.sale(draft.draw.between(2, 100_000), {
    capture: false,
    customer: TAKES_ALL,
    ...(toBank && { metadata: { to: 'bank' } }),
  })
}

/** A step for each of several charges, which nothing else touches meanwhile. */
function stepsApart(draft: Draft, size: number): void {
  const { draw } = draft
  const holds = Array.from({ length: size }, () => hold(draft))
  run(draft, 'each', size, (key, i) => {
    const { made, amount } = holds[i] as (typeof holds)[number]
    const path = `${CHARGES}/{txn:${made}}`
    return draw.of([
      () => post(`${path}/capture`, {}, key),
      () => post(`${path}/capture`, { amount: Math.ceil(amount / 2) }, key),
      () => post(`${path}/capture`, { amount: amount + 1 }, key),
      () => post(`${path}/cancel`, undefined, key),
      () => post(REFUNDS, { transaction_id: `{txn:${made}}` }, key),
      () => post(`${CHARGES}/${draw.of(STRANGE_IDS)}/capture`, {}, key),
      () => ({ method: 'GET', path }),
    ])()
  })
}

/** Each would be the next version: the first is. */
function ruleSets(draft: Draft, size: number): void {
  const document = JSON.stringify(draft.providers === 'bank' ? RULE_SETS[1] : SANDBOX_RULE_SETS[0])
  draft.get('/api/v1/routing')
  const body = `{"document":${document},"version":{version:0}}`
  run(draft, 'alike', size, () => ({ method: 'PUT', path: '/api/v1/routing', body }))
  draft.get('/api/v1/routing')
}
