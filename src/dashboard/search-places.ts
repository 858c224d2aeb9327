/** Where the search leads: the places of objects, the screens by name, and the searches of before. Pure but for those. */
import type { SearchResultView } from '../api/minipay/search-schemas.ts'
import type { Permission } from '../domain/access/permissions.ts'
import { NAVIGATION } from './navigation.ts'
import { href } from './router.ts'
import { sentence } from './texts.ts'

/** A line of the search: its words, and where it leads. */
export type Line = {
  readonly key: string
  readonly href: string
  readonly title: string
  /** The soft words after the title. */
  readonly about?: string
  readonly result?: SearchResultView
}

/** An id of MiniPay: such a text leads straight to its object. */
export function isAnyId(text: string): boolean {
  return /^(txn|re|att|dp|evt|dlv|we|rpl|alm|key|aud|req)_[0-9a-hjkmnp-tv-z]{26}$/.test(text)
}

/** The page on which a result is shown; a part of a payment is shown with its payment. */
export function placeOf({ kind, id, transaction_id: charge }: SearchResultView): string {
  if (kind === 'delivery') return href(`/deliveries/${id}`)
  if (kind === 'webhook_endpoint') return href(`/webhooks/${id}`)
  if (kind === 'event' && charge === null) return href('/events')
  if (kind === 'webhook_replay') return href('/webhooks')
  if (kind === 'api_key') return href('/keys')
  if (kind === 'audit_entry') return href('/audit')
  return href(`/payments/${charge ?? id}`)
}

const MATCHED: Readonly<Record<string, string>> = {
  id: '',
  customer: 'of this customer',
  idempotency_key: 'by its idempotency key',
  provider_reference: 'by the provider’s reference',
  request_id: 'of this request',
}

export function lineOf(result: SearchResultView): Line {
  const { kind, id, matched } = result
  const about = MATCHED[matched] ?? matched
  return {
    key: id,
    href: placeOf(result),
    title: kind === 'charge' ? 'Payment' : sentence(kind),
    ...(about !== '' && { about }),
    result,
  }
}

/** The screens whose name has a word that begins with the text, of those that the reader may see. */
export function screensOf(text: string, may: (permission: Permission) => boolean): readonly Line[] {
  const wanted = text.toLowerCase()
  if (wanted.length < 2) return []
  return NAVIGATION.flatMap(({ items }) => items)
    .filter(
      ({ label, needs }) =>
        (needs === undefined || may(needs)) &&
        label
          .toLowerCase()
          .split(' ')
          .some((word) => word.startsWith(wanted)),
    )
    .map(({ path, label }) => ({ key: path, href: href(path), title: `Go to ${label}` }))
}

const RECENT = 'minipay.searches'
const KEPT = 5

/** What the reader searched for in this browser, the newest first. */
export function recentSearches(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(RECENT) ?? '[]')
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string').slice(0, KEPT) : []
  } catch {
    return []
  }
}

export function rememberSearch(text: string): void {
  const kept = [text, ...recentSearches().filter((other) => other !== text)].slice(0, KEPT)
  localStorage.setItem(RECENT, JSON.stringify(kept))
}
