/** Reads the lists of a running server completely: its final state after a storm. */

import {
  type Alarm,
  type Attempt,
  all,
  type Charge,
  type Client,
  type Dispute,
  type Event,
  eventsAfter,
  type LedgerAccount,
  type LedgerEntry,
  type Page,
  type Refund,
} from './client.ts'
import { call, readAll } from './http.ts'

export type Lists = {
  readonly charges: readonly Charge[]
  readonly refunds: readonly Refund[]
  /** The oldest first, such as entries and events. */
  readonly attempts: readonly Attempt[]
  readonly disputes: readonly Dispute[]
  readonly alarms: readonly Alarm[]
  readonly entries: readonly LedgerEntry[]
  readonly events: readonly Event[]
  readonly accounts: readonly LedgerAccount[]
}

const READERS: { readonly [K in keyof Lists]: (at: Pick<Client, 'get'>) => Promise<Lists[K]> } = {
  charges: (at) => all<Charge>(at, '/api/v1/charges'),
  refunds: (at) => all<Refund>(at, '/api/v1/refunds', ({ refund_id }) => refund_id),
  attempts: async (at) => (await all<Attempt>(at, '/api/v1/attempts')).reverse(),
  disputes: (at) => all<Dispute>(at, '/api/v1/disputes'),
  alarms: (at) => all<Alarm>(at, '/api/v1/alarms'),
  entries: async ({ get }) => {
    const before = (last?: LedgerEntry) => (last ? `&before=${last.sequence}` : '')
    return (await readAll<LedgerEntry>(get, '/api/v1/ledger/entries', before)).reverse()
  },
  events: (at) => eventsAfter(at),
  accounts: async ({ get }) => (await get<Page<LedgerAccount>>('/api/v1/ledger/accounts')).body.data,
}

/** Reads the lists of these names, one after the other. */
export async function readLists<K extends keyof Lists>(
  url: string,
  ...names: readonly K[]
): Promise<Pick<Lists, K>> {
  const at = { get: <T>(path: string) => call<T>(url, 'GET', path) }
  const lists: Partial<Lists> = {}
  for (const name of names) Object.assign(lists, { [name]: await READERS[name](at) })
  return lists as Pick<Lists, K>
}
