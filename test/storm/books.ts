/** Everything that MiniPay and the banks say at the end of a storm, as they say it to anyone. */

import { readAll } from '../kit/http.ts'
import type { StatedPayment, Statement } from '../kit/simulator.ts'
import { BANKS, type BankName } from './plan.ts'

export type Charge = {
  readonly id: string
  readonly amount: number
  readonly amount_captured: number
  readonly amount_refunded: number
  readonly amount_refund_pending: number
  readonly currency: string
  readonly status: string
  readonly capture: boolean
  readonly provider: string
  readonly provider_reference: string | null
  readonly idempotency_key: string
}
export type Refund = {
  readonly id: string
  readonly refund_id: string
  readonly amount: number
  readonly status: string
  readonly provider_reference: string | null
}
export type Attempt = {
  readonly id: string
  readonly transaction_id: string
  readonly refund_id: string | null
  readonly kind: 'authorize' | 'capture' | 'cancel' | 'refund'
  readonly provider: string
  readonly status: string
  readonly amount: number
  readonly currency: string
  readonly route: { readonly failover_on: readonly string[]; readonly again: string | null } | null
  readonly provider_reference: string | null
  readonly decline_code: string | null
}
export type Event = {
  readonly sequence: number
  readonly type: string
  readonly data: { readonly id: string; readonly refund?: { readonly refund_id: string } }
}
export type Account = { readonly account: string; readonly currency: string; readonly balance: number }
export type Payment = StatedPayment & { readonly bank: BankName }

export type Books = {
  readonly charges: readonly Charge[]
  readonly refunds: readonly Refund[]
  /** The oldest first. */
  readonly attempts: readonly Attempt[]
  readonly events: readonly Event[]
  readonly accounts: readonly Account[]
  readonly payments: readonly Payment[]
  readonly totals: Readonly<Record<BankName, Statement['totals']>>
}

export async function readBooks(
  url: string,
  statements: Readonly<Record<BankName, Statement>>,
): Promise<Books> {
  const after = (id: string) => `starting_after=${id}`
  return {
    charges: await readAll<Charge>(url, '/api/v1/charges', ({ id }) => after(id)),
    refunds: await readAll<Refund>(url, '/api/v1/refunds', ({ refund_id }) => after(refund_id)),
    attempts: (await readAll<Attempt>(url, '/api/v1/attempts', ({ id }) => after(id))).map(settled).reverse(),
    events: await readAll<Event>(url, '/api/v1/events', ({ sequence }) => `after=${sequence}`),
    accounts: await accountsOf(url),
    payments: BANKS.flatMap((bank) => statements[bank].payments.map((payment) => ({ ...payment, bank }))),
    totals: { bank_a: statements.bank_a.totals, bank_b: statements.bank_b.totals },
  }
}

/** Without the time of the next look at it: a hold whose time has come is looked at once more, and nothing changes. */
function settled(attempt: Attempt): Attempt {
  return { ...attempt, next_lookup_at: undefined } as Attempt
}

async function accountsOf(url: string): Promise<Account[]> {
  const response = await fetch(`${url}/api/v1/ledger/accounts`)
  return ((await response.json()) as { data: Account[] }).data
}
