import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { count, duration, percent, plural } from '../format.ts'
import { can, serverAddress } from '../me.ts'
import { href } from '../router.ts'
import { a, button, code, component, div, fragment, p, span, type VNode } from '../tags.ts'
import { statusOf } from '../texts.ts'
import { Card, Details, Figures } from '../ui/card.ts'
import { CopyButton, Pill, Time } from '../ui/values.ts'
import { openPause, openResume } from './open.ts'
import { type HourCounts, Hours } from './strip.ts'

type Props = {
  provider: ProviderView
  /** Undefined where the reader may not see statistics, or they are not loaded. */
  hours: readonly HourCounts[] | undefined
  /** Its open alarms; undefined until they are loaded. */
  alarms: number | undefined
  onChange: (after: ProviderView) => void
}

export function ProviderCard({ provider, hours, alarms, onChange }: Props): VNode {
  const { name, kind, window, lookups, calls, pauses, notifications, notification_path: path } = provider
  const ms = (value: number | null) => (value === null ? '–' : duration(value))
  return component(
    Card,
    { title: name, class: 'provider', aside: component(Badges, { provider }) },
    pauses.map((pause) => component(Pause, { pause, key: String(pause.all_accounts) })),
    component(Figures, {
      figures: [
        {
          ...{ label: 'Success', note: plural(window.calls, 'call') },
          value: window.success_rate === null ? '–' : percent(window.success_rate, 1),
        },
        { label: 'p50', value: ms(window.latency_p50_ms) },
        { label: 'p95', value: ms(window.latency_p95_ms) },
        {
          label: 'In flight',
          value: calls.in_flight + calls.recovery_in_flight,
          note: calls.concurrency === null ? undefined : `of ${calls.concurrency}`,
        },
      ],
    }),
    hours ? component(Hours, { hours }) : null,
    component(Details, {
      items: [
        ['Kind', kind],
        ['Can', capabilities(provider)],
        [
          'Lookups',
          lookups.calls === 0 ? 'None in the last minute' : `${lookups.calls}, ${lookups.errors} failed`,
        ],
        ['Notifications', notifications && component(Notifications, notifications)],
        [
          'Alarms',
          alarms ? a({ href: href('/alarms', { provider: name }) }, plural(alarms, 'open alarm')) : undefined,
        ],
        ['Takes notifications at', path === null ? null : component(Url, { path })],
      ],
    }),
    div(
      { class: 'actions' },
      component(Actions, { provider, onChange }),
      can('charges:read')
        ? a(
            { class: 'button', href: href('/payments', { provider: name, status: 'failed' }) },
            'Failed payments',
          )
        : null,
      a({ class: 'button', href: href('/unresolved', { provider: name }) }, 'Unresolved'),
    ),
  )
}

/** What the provider needs to know. */
function Url({ path }: { path: string }): VNode {
  const value = `${serverAddress()}${path}`
  return span(
    { class: 'id' },
    code({}, value),
    component(CopyButton, { value, label: `Copy ${value}`, icon: true }),
  )
}

/** Since this process started. */
function Notifications(props: NonNullable<ProviderView['notifications']>): VNode {
  const { verified, refused, last_verified_at: at } = props
  return fragment(
    span({ class: refused > 0 ? 'warn' : '' }, `${count(verified)} verified, ${count(refused)} refused`),
    at === null ? null : fragment(', the last ', component(Time, { at, style: 'minute', ago: true })),
  )
}

function Badges({ provider: { breaker, lookups, pauses } }: Pick<Props, 'provider'>): VNode {
  const state = (words: string, status: string) => {
    const { word, tone } = statusOf(status, 'breaker')
    return component(Pill, { tone, word: `${words} ${word.toLowerCase()}` })
  }
  return span(
    { class: 'badges' },
    pauses.length > 0 ? component(Pill, { tone: 'warn', word: 'Paused' }) : null,
    state('Breaker', breaker.state),
    lookups.breaker.state === 'closed' ? null : state('Lookups', lookups.breaker.state),
    breaker.retry_in_ms > 0 ? span({ class: 'soft' }, `next try in ${duration(breaker.retry_in_ms)}`) : null,
  )
}

function Pause({ pause }: { pause: ProviderView['pauses'][number] }): VNode {
  return p(
    { class: 'paused' },
    fragment(
      pause.all_accounts ? 'Paused for all accounts since ' : 'Paused since ',
      component(Time, { at: pause.paused_at, style: 'minute', ago: true }),
      pause.reason === null ? ' by the operator' : ` by ${pause.paused_by}: `,
      span({ dir: 'auto' }, pause.reason),
    ),
  )
}

function Actions({ provider, onChange }: Pick<Props, 'provider' | 'onChange'>): VNode | null {
  if (!can('operations:write')) return null
  const { name, pauses } = provider
  const mayEnd = pauses.some(({ all_accounts: all }) => !all || can('accounts:write'))
  const mayBegin = !pauses.some(({ all_accounts: all }) => !all)
  const make = (words: string, open: typeof openPause) =>
    button(
      {
        ...{ type: 'button', class: 'button', 'aria-label': `${words} ${name}` },
        onClick: () => open(provider, onChange),
      },
      `${words}…`,
    )
  return fragment(mayEnd ? make('Resume', openResume) : null, mayBegin ? make('Pause', openPause) : null)
}

/** What it can do, in words. */
export function capabilities({ capabilities: can }: ProviderView): string {
  const lookup = { none: 'no lookups', eventual: 'lookups', final: 'final lookups' }[can.lookup]
  const repeat =
    can.idempotency_window_ms === 0
      ? 'cannot be resent safely'
      : can.idempotency_window_ms === null
        ? 'can be resent safely'
        : `can be resent safely for ${duration(can.idempotency_window_ms)}`
  return [
    ...[lookup, repeat, can.void ? 'cancels' : 'no cancels'],
    can.partial_capture ? 'captures in part' : 'no captures in part',
  ].join(', ')
}
