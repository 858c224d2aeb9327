/** Reads of a log: single objects, and lists by every filter and cursor. */

import { ATTEMPT_STATES } from '../../src/domain/attempt.ts'
import { CHARGE_STATUSES, REFUND_STATUSES } from '../../src/domain/charge.ts'
import { EVENT_TYPES } from '../../src/domain/event.ts'
import { DELIVERY_STATES } from '../../src/domain/webhooks/delivery.ts'
import type { Draw } from '../kit/draws.ts'
import type { Operation, Request } from './log.ts'
import { customerOf, STRANGE_IDS, STRANGE_QUERIES } from './values.ts'

/** Objects by the operations that made them, none of them in a race; markers have times of their own. */
export type Known = {
  readonly charges: readonly string[]
  readonly refunds: readonly string[]
  readonly markers: readonly string[]
}

const PATHS = [
  '/api/v1/charges',
  '/api/v1/refunds',
  '/api/v1/events',
  '/api/v1/ledger/entries',
  '/api/v1/ledger/accounts',
  '/api/v1/attempts',
  '/api/v1/disputes',
  '/api/v1/alarms',
  '/api/v1/routing',
  '/api/v1/balance',
  '/health',
] as const
const METHODS = ['PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PUT', 'POST'] as const
const ACCOUNTS = [
  'merchant',
  'provider:sandbox',
  'provider:bank',
  'uncaptured',
  'refunds:bank',
  'none',
] as const

export function read(draw: Draw, known: Known): Operation {
  return { kind: 'send', request: get(draw.chance(0.3) ? object(draw, known) : list(draw, known)) }
}

/** A whole list: its pages are cut wherever they are. */
export function walk(draw: Draw): Operation {
  const path = draw.of([
    '/api/v1/charges',
    '/api/v1/charges?status=succeeded',
    '/api/v1/charges?status=failed',
    '/api/v1/charges?currency=usd',
    '/api/v1/refunds',
    '/api/v1/events',
    '/api/v1/events?type=payment.refunded',
    '/api/v1/ledger/entries',
    '/api/v1/ledger/entries?account=merchant&currency=eur',
    '/api/v1/attempts',
    '/api/v1/attempts?status=declined',
  ])
  return { kind: 'walk', path, limit: draw.of([37, 83, 100]) }
}

/** What is no route, no id, or no parameter. */
export function strange(draw: Draw): Request {
  const id = draw.of(STRANGE_IDS)
  return draw.of<() => Request>([
    () => get(`/api/v1/charges/${id}`),
    () => get(`/api/v1/charges/${id}/attempts`),
    () => get(`/api/v1/refunds/${id}`),
    () => ({ method: 'POST', path: `/api/v1/charges/${id}/capture`, body: '{}' }),
    () => ({ method: 'POST', path: `/api/v1/charges/${id}/cancel` }),
    () => ({ method: 'POST', path: '/api/v1/refunds', body: JSON.stringify({ transaction_id: id }) }),
    () => ({ method: 'POST', path: `/api/v1/webhook_deliveries/${id}/retry` }),
    () => ({ method: 'POST', path: `/api/v1/attempts/${id}/resolve`, body: '{"outcome":"failed"}' }),
    () => ({ method: 'POST', path: `/api/v1/alarms/${id}/close`, body: '{"reason":"x"}' }),
    () => ({ method: 'POST', path: `/providers/${id}/notifications`, body: '{}' }),
    () => get(`${draw.of(PATHS)}?${draw.of(STRANGE_QUERIES)}`),
    () => get(`${draw.of(PATHS)}?${draw.of(STRANGE_QUERIES)}`),
    () => ({ method: draw.of(METHODS), path: draw.of(PATHS) }),
    () => get(draw.of(['/', '/api/v1', '/api/v2/charges', '/api/v1/charges/', '//api/v1/charges'])),
  ])()
}

function get(path: string): Request {
  return { method: 'GET', path }
}

function object(draw: Draw, { charges, refunds }: Known): string {
  const charge = charges.length > 0 ? `{txn:${draw.of(charges)}}` : 'none'
  const refund = refunds.length > 0 ? `{re:${draw.of(refunds)}}` : 'none'
  return draw.of([
    `/api/v1/charges/${charge}`,
    `/api/v1/charges/${charge}`,
    `/api/v1/charges/${charge}/attempts`,
    `/api/v1/refunds/${refund}`,
    `/api/v1/refunds/${charge}`,
    `/api/v1/refunds?transaction_id=${charge}`,
    `/api/v1/ledger/entries?transaction_id=${charge}`,
    `/api/v1/ledger/entries?transaction_id=${refund}`,
    `/api/v1/ledger/entries?transaction_id=${charge}&limit=1`,
    `/api/v1/disputes?transaction_id=${charge}`,
    `/api/v1/alarms?transaction_id=${charge}`,
    '/api/v1/balance',
    '/api/v1/ledger/accounts',
    '/api/v1/routing',
    '/api/v1/disputes',
    '/api/v1/alarms?status=open',
    '/api/v1/providers',
    '/ready',
  ])
}

function list(draw: Draw, known: Known): string {
  const limit = draw.chance(0.8) ? [`limit=${draw.of([1, 2, 3, 10, 50, 100])}`] : []
  const some = <T>(share: number, value: () => T): T[] => (draw.chance(share) ? [value()] : [])
  const encoded = encodeURIComponent
  switch (draw.between(0, 5)) {
    case 0:
    case 1:
      return query('/api/v1/charges', [
        ...limit,
        ...some(0.3, () => `status=${draw.of(CHARGE_STATUSES)}`),
        ...page(draw, known, 'txn', known.charges),
      ])
    case 2:
      return query('/api/v1/refunds', [
        ...limit,
        ...some(0.3, () => `status=${draw.of(REFUND_STATUSES)}`),
        ...page(draw, known, 're', known.refunds),
      ])
    case 3:
      return query('/api/v1/events', [
        ...limit,
        ...some(0.6, () => `after={event:${draw.next().toFixed(2)}}`),
        ...some(0.4, () => `type=${draw.of(Object.keys(EVENT_TYPES))}`),
      ])
    case 4:
      return query('/api/v1/ledger/entries', [
        ...limit,
        ...some(0.6, () => `before={entry:${draw.next().toFixed(2)}}`),
        ...some(0.4, () => `account=${encoded(draw.of(ACCOUNTS))}`),
        ...some(0.4, () => `currency=${draw.of(['usd', 'eur', 'jpy', 'EUR'])}`),
      ])
    default:
      return query('/api/v1/attempts', [
        ...limit,
        ...some(0.5, () => `status=${draw.of(Object.keys(ATTEMPT_STATES))}`),
      ])
  }
}

/** Filters and cursors of charges and refunds. */
function page(draw: Draw, { markers }: Known, of: 'txn' | 're', made: readonly string[]): string[] {
  const some = (share: number, value: () => string): string[] => (draw.chance(share) ? [value()] : [])
  const bound = (name: string) => () => `${name}={time:${draw.of(markers)}}`
  return [
    ...some(0.3, () => `customer=${encodeURIComponent(customerOf(draw))}`),
    ...some(0.3, () => `currency=${draw.of(['usd', 'eur', 'jpy', 'Bhd'])}`),
    ...(made.length === 0
      ? []
      : some(0.5, () => `${draw.of(['starting_after', 'ending_before'])}={${of}:${draw.of(made)}}`)),
    ...(markers.length === 0
      ? []
      : [
          ...some(0.2, bound('created_gte')),
          ...some(0.1, bound('created_gt')),
          ...some(0.2, bound('created_lt')),
          ...some(0.1, bound('created_lte')),
        ]),
  ]
}

function query(path: string, parameters: readonly string[]): string {
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
}

/** Deliveries, once none is pending. */
export function deliveryReads(draw: Draw): Operation[] {
  const status = draw.of([...DELIVERY_STATES])
  return [
    { kind: 'quiet' },
    { kind: 'send', request: get(`/api/v1/webhook_deliveries?limit=${draw.of([5, 20, 100])}`) },
    { kind: 'send', request: get(`/api/v1/webhook_deliveries?starting_after={dlv:${draw.between(0, 4)}}`) },
    { kind: 'send', request: get(`/api/v1/webhook_deliveries?status=${status}`) },
    { kind: 'send', request: get('/api/v1/webhook_deliveries?status=failed&limit=50') },
    {
      kind: 'send',
      request: { method: 'POST', path: `/api/v1/webhook_deliveries/{dlv:${draw.between(0, 9)}}/retry` },
    },
    { kind: 'quiet' },
    { kind: 'send', request: get('/api/v1/webhook_deliveries?status=failed&limit=50') },
  ]
}
