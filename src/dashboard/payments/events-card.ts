/** The events of a payment, each with the webhooks that it was sent by. */
import type { DeliveryView } from '../../api/minipay/delivery-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { href } from '../router.ts'
import { a, code, component, fragment, p, span, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Table } from '../ui/table.ts'
import { Badge, Time } from '../ui/values.ts'

type Props = { events: readonly EventView[]; deliveries: readonly DeliveryView[] }

export function Events({ events, deliveries }: Props): VNode {
  const byEvent = Map.groupBy(deliveries, ({ event_id }) => event_id)
  return component(
    Card,
    { title: 'Events' },
    events.length === 0
      ? p({ class: 'soft' }, 'No event yet.')
      : Table({
          ...{
            label: 'Events of this payment',
            rows: events,
            clickable: false,
            idOf: ({ id }: EventView) => id,
          },
          columns: [
            { head: 'Type', cell: ({ type }) => code({}, type) },
            { head: 'Webhooks', class: 'wide', cell: ({ id }) => sent(byEvent.get(id) ?? []) },
            { head: 'Stored', cell: ({ created_at: at }) => component(Time, { at }) },
          ],
        }),
  )
}

function sent(deliveries: readonly DeliveryView[]): VNode {
  if (deliveries.length === 0) return span({}, 'Not sent to a webhook')
  return fragment(
    ...deliveries.map(({ id, endpoint, status, last_error }) =>
      a(
        {
          href: href(`/deliveries/${id}`),
          key: id,
          class: 'delivery',
          'aria-label': `Delivery to ${endpoint}: ${status}`,
        },
        component(Badge, { status, title: `${endpoint}${last_error === null ? '' : `: ${last_error}`}` }),
      ),
    ),
  )
}
