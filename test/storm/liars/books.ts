/** Everything that MiniPay says at the end of a storm of liars, as it says it to anyone. */
import { call, readAll } from '../../kit/http.ts'
import type * as Storm from '../books.ts'

export type Charge = Storm.Charge & {
  readonly amount_disputed: number
  readonly metadata: Readonly<Record<string, string>>
}
export type Refund = Storm.Refund & { readonly idempotency_key: string | null }
export type Attempt = Storm.Attempt & {
  readonly resolved_by: string | null
  readonly reason: string | null
  readonly started_at: string
  readonly next_lookup_at: string | null
}
export type Dispute = {
  readonly id: string
  readonly transaction_id: string
  readonly provider: string
  readonly provider_reference: string
  readonly amount: number
  readonly currency: string
  readonly status: string
}
export type Alarm = {
  readonly id: string
  readonly transaction_id: string
  readonly attempt_id: string | null
  readonly dispute_id: string | null
  readonly kind: string
  readonly provider: string
  readonly status: string
  readonly in_doubt: boolean
  readonly opened_at: string
  readonly closed_at: string | null
}
export type Entry = {
  readonly sequence: number
  readonly transaction_id: string
  readonly account: string
  readonly currency: string
  readonly amount: number
}
export type Event = Storm.Event & { readonly id: string; readonly created_at: string }

export type Books = {
  readonly charges: readonly Charge[]
  readonly refunds: readonly Refund[]
  /** The oldest first. */
  readonly attempts: readonly Attempt[]
  readonly disputes: readonly Dispute[]
  readonly alarms: readonly Alarm[]
  readonly entries: readonly Entry[]
  readonly events: readonly Event[]
}

export async function readBooks(url: string): Promise<Books> {
  const after = ({ id }: { readonly id: string }) => `starting_after=${id}`
  const next = ({ sequence }: { readonly sequence: number }) => `after=${sequence}`
  // A server without the list has no alarms.
  const alarms = await call(url, 'GET', '/api/v1/alarms?limit=1')
  return {
    charges: await readAll<Charge>(url, '/api/v1/charges', after),
    refunds: await readAll<Refund>(url, '/api/v1/refunds', ({ refund_id }) => `starting_after=${refund_id}`),
    attempts: (await readAll<Attempt>(url, '/api/v1/attempts', after)).reverse(),
    disputes: await readAll<Dispute>(url, '/api/v1/disputes', after),
    alarms: alarms.status === 404 ? [] : await readAll<Alarm>(url, '/api/v1/alarms', after),
    entries: (
      await readAll<Entry>(url, '/api/v1/ledger/entries', ({ sequence }) => `before=${sequence}`)
    ).reverse(),
    events: await readAll<Event>(url, '/api/v1/events', next),
  }
}
