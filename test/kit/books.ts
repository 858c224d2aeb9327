/** The lists of a running server, wholly read: what it says at the end of a storm. */

import type {
  Alarm,
  Attempt,
  Charge,
  Dispute,
  Event,
  LedgerAccount,
  LedgerEntry,
  Page,
  Refund,
} from './client.ts'
import { type Answer, call, readAll } from './http.ts'

export type Lists = {
  readonly charges: readonly Charge[]
  readonly refunds: readonly Refund[]
  /** The oldest first, as the entries and the events. */
  readonly attempts: readonly Attempt[]
  readonly disputes: readonly Dispute[]
  readonly alarms: readonly Alarm[]
  readonly entries: readonly LedgerEntry[]
  readonly events: readonly Event[]
  readonly accounts: readonly LedgerAccount[]
}

const after = ({ id }: { readonly id: string }) => `starting_after=${id}`

const READERS: { readonly [K in keyof Lists]: (url: string) => Promise<Lists[K]> } = {
  charges: (url) => readAll<Charge>(url, '/api/v1/charges', after),
  refunds: (url) => readAll<Refund>(url, '/api/v1/refunds', ({ refund_id }) => `starting_after=${refund_id}`),
  attempts: async (url) => (await readAll<Attempt>(url, '/api/v1/attempts', after)).reverse(),
  disputes: (url) => readAll<Dispute>(url, '/api/v1/disputes', after),
  alarms: (url) => readAll<Alarm>(url, '/api/v1/alarms', after),
  entries: async (url) =>
    (
      await readAll<LedgerEntry>(url, '/api/v1/ledger/entries', ({ sequence }) => `before=${sequence}`)
    ).reverse(),
  events: (url) => readAll<Event>(url, '/api/v1/events', ({ sequence }) => `after=${sequence}`),
  accounts: async (url) => {
    const { body }: Answer<Page<LedgerAccount>> = await call(url, 'GET', '/api/v1/ledger/accounts')
    return body.data
  },
}

/** Reads the lists of these names, one after the other. */
export async function readLists<K extends keyof Lists>(
  url: string,
  ...names: readonly K[]
): Promise<Pick<Lists, K>> {
  const lists: Partial<Lists> = {}
  for (const name of names) Object.assign(lists, { [name]: await READERS[name](url) })
  return lists as Pick<Lists, K>
}
