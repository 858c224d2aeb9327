import type { DeliveryView, DeliveryWithAttemptsView } from '../../api/minipay/delivery-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { duration } from '../format.ts'
import { can } from '../me.ts'
import { usePoll } from '../poll.ts'
import { useResource } from '../resource.ts'
import { href } from '../router.ts'
import type { ScreenProps } from '../routes.ts'
import { a, button, code, component, div, fragment, p, type VNode } from '../tags.ts'
import { Card, Details } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { Json } from '../ui/json.ts'
import { Page, withModule } from '../ui/page.ts'
import { type Moment, Timeline } from '../ui/timeline.ts'
import { Badge, Id, Pill, Time } from '../ui/values.ts'
import { nextOf, said, whyAttempted } from '../webhooks/words.ts'

const retrying = () => import('../webhooks/retry.ts')

type Shown = DeliveryWithAttemptsView
type Attempt = Shown['attempts_made'][number]

export default function Delivery({ params }: ScreenProps): VNode {
  const { id = '' } = params
  const load = (signal?: AbortSignal) =>
    api.get<Shown>(`/webhook_deliveries/${encodeURIComponent(id)}`, {}, signal ? { signal } : {})
  const resource = useResource(load, [id])
  usePoll(async () => {
    const now = await load()
    resource.update(() => now)
  }, 2_000)
  const delivery = resource.data.value
  const changed = (now: DeliveryView) => resource.update((before) => ({ ...before, ...now }))
  const retry = delivery && can('webhooks:write') && delivery.status !== 'pending'
  return component(
    Page,
    {
      title: delivery ? `Delivery of ${delivery.event_type}` : 'Delivery',
      heading: delivery
        ? fragment(delivery.event_type, component(Badge, { status: delivery.status }))
        : undefined,
      above: delivery
        ? { label: 'Endpoint', href: href(`/webhooks/${delivery.endpoint}`) }
        : { label: 'Webhooks', href: href('/webhooks') },
      here: code({}, id),
      actions: retry
        ? button(
            {
              type: 'button',
              class: 'button primary',
              onClick: () => withModule(retrying, ({ retryOne }) => retryOne(delivery, changed)),
            },
            'Send again',
          )
        : null,
    },
    component(Loaded<Shown>, { resource, show: (now) => component(Content, { delivery: now }) }),
  )
}

function Content({ delivery }: { delivery: Shown }): VNode {
  const { attempts_made: attempts, event_id: event } = delivery
  return div(
    { class: 'columns' },
    div(
      { class: 'stack' },
      component(
        Card,
        { title: 'Attempts', aside: attempts.length >= 30 ? 'The newest 30' : undefined },
        attempts.length === 0
          ? p({ class: 'soft' }, 'None has ended yet.')
          : component(Timeline, { moments: attempts.map(momentOf) }),
        p({ class: 'soft next' }, nextOf(delivery)),
        delivery.next_attempt_at === null
          ? null
          : p({}, 'Next attempt: ', component(Time, { at: delivery.next_attempt_at, ago: true })),
      ),
      component(Payload, { event, key: event }),
    ),
    component(Card, { title: 'Details' }, component(Details, { items: detailsOf(delivery) })),
  )
}

function momentOf(attempt: Attempt, place: number): Moment {
  const { started_at: at, duration_ms: ms, status, error, response, reason } = attempt
  const tone = error === null ? 'good' : 'bad'
  return {
    ...{ key: `${at} ${place}`, tone, at, title: whyAttempted(reason) },
    beside: fragment(
      component(Pill, { tone, word: status === null ? 'No response' : String(status) }),
      ` ${duration(ms)}`,
    ),
    sentence: error === null ? 'The endpoint accepted it.' : `${said(error)}.`,
    soft: response === null ? undefined : code({ class: 'answer' }, response),
  }
}

function Payload({ event }: { event: string }): VNode {
  const resource = useResource((signal) => api.get<EventView>(`/events/${event}`, {}, { signal }), [event])
  return component(
    Card,
    { title: 'Event', aside: a({ href: href(`/events/${event}`) }, 'Open the event') },
    component(Loaded<EventView>, {
      ...{ resource, lines: 2 },
      show: (value) => component(Json, { value, label: 'Payload' }),
    }),
  )
}

function detailsOf(delivery: Shown): readonly (readonly [string, VNode | string | null])[] {
  const { endpoint, event_id: event, transaction_id: charge, settled_at: settled } = delivery
  return [
    ['Delivery', component(Id, { id: delivery.id, whole: true })],
    ['Endpoint', a({ href: href(`/webhooks/${endpoint}`) }, endpoint)],
    ['Event', component(Id, { id: event, href: href(`/events/${event}`), whole: true })],
    ['Sequence', String(delivery.event_sequence)],
    [
      'Payment',
      charge === null ? null : component(Id, { id: charge, href: href(`/payments/${charge}`), whole: true }),
    ],
    ['Stored', component(Time, { at: delivery.created_at })],
    ['Settled', settled === null ? null : component(Time, { at: settled })],
  ]
}
