/** The deliveries of an endpoint, with their filters. */
import { component, div, h2, type VNode } from '../tags.ts'
import { NothingMatches } from '../ui/empty.ts'
import { anyFilter, clearFilters, type Filter, Filters, filterValues } from '../ui/filters.ts'
import { ExportButton } from '../ui/values.ts'
import { Deliveries } from './deliveries.ts'

const FILTERS: readonly Filter[] = [
  {
    ...{ name: 'status', label: 'Status', kind: 'select' },
    choices: [
      ['pending', 'Pending'],
      ['delivered', 'Delivered'],
      ['failed', 'Failed'],
    ],
  },
  { name: 'event_type', label: 'Event type', kind: 'text' },
  { name: 'event_sequence', label: 'Event number', kind: 'text' },
  { name: 'last_error', label: 'Error', kind: 'text' },
]

export function EndpointDeliveries({ id }: { id: string }): VNode {
  const query = { endpoint: id, ...filterValues(FILTERS) }
  const empty = anyFilter(FILTERS)
    ? { empty: component(NothingMatches, { onClear: () => clearFilters(FILTERS) }) }
    : {}
  return div(
    { class: 'deliveries' },
    div(
      { class: 'deliveries-head' },
      h2({}, 'Deliveries'),
      component(ExportButton, { path: '/webhook_deliveries', query, label: 'CSV', small: true }),
    ),
    component(Filters, { filters: FILTERS }),
    component(Deliveries, { query, ...empty }),
  )
}
