import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { useResource } from '../resource.ts'
import { href, type Query } from '../router.ts'
import type { ScreenProps } from '../routes.ts'
import { code, component, div, type VNode } from '../tags.ts'
import { Card, Details } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { Json } from '../ui/json.ts'
import { Later, Page } from '../ui/page.ts'
import { ExportButton, Id, Time } from '../ui/values.ts'
import { objectOf } from '../webhooks/event-objects.ts'

const loadDeliveries = () => import('../webhooks/deliveries.ts').then(({ Deliveries }) => Deliveries)

export default function Event({ params }: ScreenProps): VNode {
  const { id = '' } = params
  const resource = useResource(
    (signal) => api.get<EventView>(`/events/${encodeURIComponent(id)}`, {}, { signal }),
    [id],
  )
  return component(
    Page,
    {
      title: resource.data.value?.type ?? 'Event',
      above: { label: 'Events', href: href('/events') },
      here: code({}, id),
    },
    component(Loaded<EventView>, { resource, show: (event) => component(Content, { event }) }),
  )
}

function Content({ event }: { event: EventView }): VNode {
  const { data, previous_attributes: before } = event
  return div(
    { class: 'columns' },
    div(
      { class: 'stack' },
      component(Card, { title: 'Data' }, component(Json, { value: data, label: 'Data as JSON', open: true })),
      before === null
        ? null
        : component(
            Card,
            { title: 'Changed', aside: 'The former values' },
            component(Json, { value: before, label: 'Former values', open: true }),
          ),
      component(
        Card,
        {
          title: 'Webhooks of this event',
          aside: component(ExportButton, {
            ...{ path: '/webhook_deliveries', query: { event_id: event.id }, label: 'CSV', small: true },
          }),
        },
        component(Later<{ query: Query }>, {
          load: loadDeliveries,
          props: { query: { event_id: event.id } },
        }),
      ),
    ),
    component(
      Card,
      { title: 'Details' },
      component(Details, { items: detailsOf(event) }),
      component(Json, { value: event, label: 'Whole event' }),
    ),
  )
}

function detailsOf(event: EventView): readonly (readonly [string, VNode | string | null])[] {
  const { id, path } = objectOf(event)
  const { request_id: request, idempotency_key: key } = event
  return [
    ['Event', component(Id, { id: event.id, whole: true })],
    ['Number', String(event.sequence)],
    [
      'About',
      id === undefined ? null : component(Id, { id, whole: true, ...(path && { href: href(path) }) }),
    ],
    ['Stored', component(Time, { at: event.created_at, style: 'long' })],
    ['Request', request === null ? null : component(Id, { id: request, whole: true })],
    ['Idempotency key', key === null ? null : code({}, key)],
    ['Epoch', event.epoch],
  ]
}
