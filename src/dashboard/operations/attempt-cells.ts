/** The cells of an open attempt. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { duration, formatTime, plural, relative } from '../format.ts'
import { can } from '../me.ts'
import { a, button, code, div, fragment, p, span, type VNode } from '../tags.ts'
import { withModule } from '../ui/page.ts'
import { lookUp, lookups, wordsOf } from './lookups.ts'

const dialogs = () => import('./open.ts')

const KINDS: Readonly<Record<string, string>> = {
  authorize: 'Charge',
  capture: 'Capture',
  cancel: 'Cancel',
  refund: 'Refund',
}
export const kindOf = (kind: string) => KINDS[kind] ?? kind

export const isOpen = ({ status }: AttemptView) => ['sending', 'pending', 'unknown'].includes(status)

/** How long it has been open; since when in the title. */
export function age({ unknown_since, started_at, ended_at }: AttemptView): VNode {
  const since = unknown_since ?? started_at
  const until = ended_at === null ? Date.now() : Date.parse(ended_at)
  return span({ title: since }, duration(Math.max(0, until - Date.parse(since))))
}

const WAITS: Readonly<Record<string, string>> = {
  sending: 'No response yet',
  pending: 'Accepted: the provider reports the outcome later',
}

/** What the provider said last, or what the reader's own lookup found. */
export function response(attempt: AttemptView): VNode {
  const lookup = lookups.value.get(attempt.id)
  return div(
    { class: 'response' },
    // Of an attempt that has settled meanwhile, it would be the response of an earlier lookup.
    p({ dir: 'auto' }, attempt.status === 'succeeded' ? '' : (attempt.reason ?? WAITS[attempt.status] ?? '')),
    lookup?.state === 'running' ? p({ class: 'soft', role: 'status' }, 'Looking up…') : null,
    lookup?.state === 'found' ? p({ class: 'soft', role: 'status' }, wordsOf(lookup.result)) : null,
    lookup?.state === 'failed'
      ? p(
          { class: 'bad', role: 'alert' },
          lookup.error.message,
          lookup.error.requestId === undefined
            ? null
            : fragment(' Request ', code({}, lookup.error.requestId)),
        )
      : null,
  )
}

/** When the next lookup comes: one whose time has passed is due, and waits for its turn. */
export function dueIn(at: string, now: number = Date.now()): string {
  return Date.parse(at) <= now ? 'due now' : (relative(at, now) ?? formatTime(at, 'minute'))
}

/** How often it was looked up, and when MiniPay does so next. */
export function nextLookup(attempt: AttemptView, mayLookUp: boolean): VNode {
  if (!mayLookUp) return span({ class: 'soft' }, 'Not possible')
  const { lookups: made, next_lookup_at: at } = attempt
  return span(
    { class: 'two-lines' },
    made === 0 ? 'None yet' : plural(made, 'lookup'),
    at === null || !isOpen(attempt) ? null : span({ class: 'soft', title: at }, `next ${dueIn(at)}`),
  )
}

/** The operation and its provider, with the way to the payment there. */
export function call(attempt: AttemptView, url: PaymentUrl): VNode {
  const { kind, provider } = attempt
  return span(
    { class: 'two-lines' },
    kindOf(kind),
    span({ class: 'soft' }, provider, paymentLink(attempt, url)),
  )
}

type PaymentUrl = string | null | undefined

/** As `providerLink`, for an attempt. References of other operations than a charge are not those of a payment. */
export function paymentLink(attempt: AttemptView, url: PaymentUrl): VNode | null {
  const { kind, provider, provider_reference: reference } = attempt
  return kind === 'authorize' ? providerLink(provider, url, reference) : null
}

/** A link to the provider's own page of a payment. The address is the operator's; the reference is only a part of it. */
export function providerLink(provider: string, url: PaymentUrl, reference: string | null): VNode | null {
  if (!url || reference === null) return null
  const page = url.replaceAll('{reference}', () => encodeURIComponent(reference))
  const said = `Open at ${provider}`
  const rel = 'noopener noreferrer'
  return fragment(' ', a({ href: page, target: '_blank', rel, class: 'there', 'aria-label': said }, 'Open'))
}

/** `mayLookUp`: its provider has lookups. */
export function actions(
  attempt: AttemptView,
  mayLookUp: boolean,
  onChange: (attempt: AttemptView) => void,
): VNode | null {
  const { id, status } = attempt
  if (!can('operations:write') || !isOpen(attempt) || status === 'sending') return null
  const running = lookups.value.get(id)?.state === 'running'
  return div(
    { class: 'row-actions' },
    mayLookUp
      ? button(
          {
            ...{ type: 'button', class: 'button small', disabled: running },
            'aria-label': `Look up now ${id}`,
            onClick: () => void lookUp(id, onChange),
          },
          'Look up now',
        )
      : null,
    button(
      {
        ...{ type: 'button', class: 'button small', 'aria-label': `Resolve ${id}` },
        onClick: () => withModule(dialogs, ({ openResolve }) => openResolve(attempt, onChange)),
      },
      'Resolve…',
    ),
  )
}
