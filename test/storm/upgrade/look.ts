/** Reads of a served database that each version must respond to alike. */

import { drawsOf } from '../../kit/draws.ts'
import { call } from '../../kit/http.ts'
import type { Sent } from './shop.ts'

/** Responses by request. */
export type Seen = Readonly<Record<string, unknown>>

type Row = { readonly id: string; readonly customer: string; readonly created_at: string }

const MOMENTS = 10
/** Of the charges of a page, so many are looked at closely. */
const CLOSELY = 10
/** Characters of a response that differs. */
const SHOWN = 2_000
const LISTS = [
  'charges?status=failed',
  'charges?status=refunded',
  'charges?currency=gbp',
  'charges?customer=cus_market',
  'refunds?limit=100',
  'attempts?status=declined',
  // Failed ones change: a server tries again what was pending.
  'webhook_deliveries?status=delivered',
  'ledger/accounts',
  'ledger/entries?limit=100',
  'balance',
]

/** The first pages of lists, pages at moments between the two (ms since 1970), and what belongs to their charges. */
export async function look(
  url: string,
  secrets: readonly string[],
  [from, to]: readonly [number, number],
  seed: number,
): Promise<Seen> {
  const seen: Record<string, unknown> = {}
  for (const [account, secret] of secrets.entries()) {
    const get = async (path: string) => {
      const answer = await call<{ data?: readonly Row[] }>(url, 'GET', `/api/v1/${path}`, undefined, {
        authorization: `Bearer ${secret}`,
      })
      seen[`${account} ${path}`] = [answer.status, withoutRequest(answer.body)]
      return answer.body.data ?? []
    }
    for (const path of LISTS) await get(path)
    const draw = drawsOf(seed, account)
    for (let i = 0; i < MOMENTS; i++) {
      const before = new Date(Math.floor(from + (to - from) * draw.next())).toISOString()
      const charges = await get(`charges?limit=100&created_lt=${before}`)
      await get(`charges?limit=50&customer=cus_market&created_lt=${before}`)
      for (const { id, customer } of charges.slice(0, CLOSELY)) {
        for (const path of [`charges/${id}`, `charges/${id}/attempts`, `events?object=${id}`]) await get(path)
        await get(`charges?customer=${customer}`)
        await get(`ledger/entries?transaction_id=${id}`)
        await get(`search?q=${id}`)
      }
    }
  }
  return seen
}

/** The responses to requests that were sent before, with their keys. */
export async function sendAgain(url: string, sent: readonly Sent[]): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const { key, path, body, secret, status, response } of sent) {
    const headers = { authorization: `Bearer ${secret}`, 'idempotency-key': key }
    const again = await call(url, 'POST', path, body, headers)
    const [now, before] = [withoutRequest(again.body), withoutRequest(response)].map((one) =>
      JSON.stringify(one),
    )
    // A charge is made once.
    if (again.status !== (status === 201 ? 200 : status) || now !== before)
      wrong.push(`${path} ${key}: ${status} ${before}, now ${again.status} ${now}`)
  }
  return wrong
}

const withoutRequest = (body: unknown): unknown =>
  typeof body === 'object' && body !== null ? { ...body, request_id: undefined } : body

/** The requests to which the two versions do not respond alike. */
export function differences(one: Seen, other: Seen): readonly string[] {
  return Object.keys({ ...one, ...other })
    .filter((path) => JSON.stringify(one[path]) !== JSON.stringify(other[path]))
    .map((path) =>
      [path, one[path], other[path]].map((part) => JSON.stringify(part).slice(0, SHOWN)).join('\n  '),
    )
}
