/** Accounts in words, and links to the objects that post entries. */
import { href } from '../router.ts'

const MEANINGS: Readonly<Record<string, string>> = {
  merchant: 'Owed to you',
  provider: 'Money at the provider',
  authorized: 'Held at customers’ banks',
  uncaptured: 'Held, can be captured',
  capturing: 'Capture or cancel in progress',
  refunds: 'Refunds not yet confirmed',
  disputes: 'Reserved for disputes',
}

export function meaningOf(account: string): string {
  return MEANINGS[account.split(':')[0] as string] ?? ''
}

/** The page of a charge, a refund or a dispute; undefined if it has none of its own. */
export function pageOf(id: string): string | undefined {
  if (id.startsWith('txn_')) return href(`/payments/${id}`)
  return undefined
}
