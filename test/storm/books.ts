/** Everything that MiniPay and the banks say at the end of a storm, as they say it to anyone. */
import { type Lists, readLists } from '../kit/books.ts'
import type { Attempt } from '../kit/client.ts'
import type { StatedPayment, Statement } from '../kit/simulator.ts'
import { BANKS, type BankName } from './plan.ts'

export type Payment = StatedPayment & { readonly bank: BankName }

export type Books = Pick<Lists, 'charges' | 'refunds' | 'attempts' | 'events' | 'accounts'> & {
  readonly payments: readonly Payment[]
  readonly totals: Readonly<Record<BankName, Statement['totals']>>
}

export async function readBooks(
  url: string,
  statements: Readonly<Record<BankName, Statement>>,
): Promise<Books> {
  const lists = await readLists(url, 'charges', 'refunds', 'attempts', 'events', 'accounts')
  return {
    ...lists,
    attempts: lists.attempts.map(settled),
    payments: BANKS.flatMap((bank) => statements[bank].payments.map((payment) => ({ ...payment, bank }))),
    totals: { bank_a: statements.bank_a.totals, bank_b: statements.bank_b.totals },
  }
}

/** Without the time of the next lookup: a hold whose time has come is looked up once more, and nothing changes. */
function settled(attempt: Attempt): Attempt {
  return { ...attempt, next_lookup_at: null }
}
