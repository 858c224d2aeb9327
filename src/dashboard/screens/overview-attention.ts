import type { AttentionView } from '../../api/minipay/attention-schemas.ts'
import { attention } from '../attention.ts'
import { formatTime, plural } from '../format.ts'
import { href } from '../router.ts'
import { a, component, div, li, p, span, ul, type VNode } from '../tags.ts'
import type { Tone } from '../texts.ts'
import { Card } from '../ui/card.ts'
import { Skeleton } from '../ui/empty.ts'

type Item = {
  readonly tone: Tone
  readonly text: string
  readonly note?: string | undefined
  readonly to: string
}

const at = (time: string | null, words: string) =>
  time === null ? undefined : `${words} ${formatTime(time, 'minute')}`

/** One line for each kind of thing that waits, the most urgent first. */
export function itemsOf(found: AttentionView): Item[] {
  const { unresolved, disputes, webhook_endpoints: endpoints, open_breakers: breakers } = found
  const lines: readonly (Item & { readonly number: number })[] = [
    {
      number: unresolved.overdue,
      tone: 'warn',
      text: `${plural(unresolved.overdue, 'attempt')} unknown for too long`,
      note: at(unresolved.oldest_since, 'the oldest since'),
      to: href('/unresolved'),
    },
    {
      number: unresolved.unknown - unresolved.overdue,
      tone: 'warn',
      text: `${plural(unresolved.unknown - unresolved.overdue, 'attempt')} with an unknown outcome`,
      note: unresolved.unknown - unresolved.overdue === 1 ? 'MiniPay looks it up' : 'MiniPay looks them up',
      to: href('/unresolved'),
    },
    {
      number: found.open_alarms,
      tone: 'bad',
      text: plural(found.open_alarms, 'open alarm'),
      note: 'a provider contradicts the books',
      to: href('/alarms'),
    },
    {
      number: disputes.needs_response,
      tone: 'warn',
      text: plural(disputes.needs_response, 'dispute needs a response', 'disputes need a response'),
      note: at(disputes.next_due_at, 'the next by'),
      to: href('/disputes'),
    },
    ...breakers.map(({ provider, calls, state }) => ({
      number: 1,
      tone: 'bad' as const,
      text: `${provider} ${calls === 'money' ? 'gets no payments' : 'gets no lookups'}`,
      note: state === 'open' ? 'its circuit breaker is open' : 'its circuit breaker tests one call',
      to: href('/providers'),
    })),
    {
      number: found.failed_deliveries,
      tone: 'bad',
      text: plural(found.failed_deliveries, 'failed webhook delivery', 'failed webhook deliveries'),
      to: href('/webhooks'),
    },
    {
      number: endpoints.failing,
      tone: 'warn',
      text: `${plural(endpoints.failing, 'webhook endpoint')} failing`,
      to: href('/webhooks'),
    },
    {
      number: endpoints.disabled,
      tone: 'warn',
      text: `${plural(endpoints.disabled, 'webhook endpoint')} disabled by MiniPay`,
      to: href('/webhooks'),
    },
  ]
  return lines.filter(({ number }) => number > 0)
}

/** What waits for a person, each with the way to it. */
export function NeedsAttention(): VNode {
  const found = attention.value
  const items = found === undefined ? [] : itemsOf(found)
  return component(
    Card,
    { title: 'Needs attention' },
    found === undefined
      ? component(Skeleton, { lines: 2 })
      : items.length === 0
        ? p({ class: 'soft' }, 'Nothing waits for you.')
        : ul(
            { class: 'waiting' },
            ...items.map(({ tone, text, note, to }) =>
              li(
                { key: text },
                span({ class: `mark ${tone}`, 'aria-hidden': true }),
                div(
                  {},
                  a({ href: to }, text),
                  note === undefined ? null : span({ class: 'soft' }, ` ${note}`),
                ),
              ),
            ),
          ),
  )
}
