import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { count } from '../format.ts'
import { can } from '../me.ts'
import { go, href } from '../router.ts'
import { a, button, component, p, span, type VNode } from '../tags.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { Later, Page, withModule } from '../ui/page.ts'
import { type Column, Table } from '../ui/table.ts'
import { Badge, Time } from '../ui/values.ts'
import type { FailuresProps } from '../webhooks/failures.ts'
import { useEndpoints } from '../webhooks/use-endpoints.ts'
import { placeOf, successOf } from '../webhooks/words.ts'

type Endpoint = WebhookEndpointView

const form = () => import('../webhooks/endpoint-form.ts')
const loadFailures = () => import('../webhooks/failures.ts').then(({ Failures }) => Failures)

const link = ({ id }: Endpoint, query = {}) => href(`/webhooks/${id}`, query)

const COLUMNS: readonly Column<Endpoint>[] = [
  {
    ...{ head: 'Endpoint', class: 'wide' },
    cell: (endpoint) => [
      a({ href: link(endpoint) }, placeOf(endpoint)),
      endpoint.description === null ? null : span({ class: 'soft' }, ` ${endpoint.description}`),
    ],
  },
  { head: 'Status', class: 'named', cell: ({ status }) => component(Badge, { status }) },
  { head: 'Events', class: 'roomy', cell: ({ events }) => eventsOf(events) },
  { head: 'Accepted, 24 h', class: 'num named', cell: successOf },
  { head: 'Backlog', class: 'num named', cell: ({ backlog }) => count(backlog) },
  {
    ...{ head: 'Pending', class: 'num named' },
    cell: (endpoint) => counted(endpoint.pending, link(endpoint, { status: 'pending' })),
  },
  {
    ...{ head: 'Failed', class: 'num named' },
    cell: (endpoint) => counted(endpoint.failed, link(endpoint, { status: 'failed' })),
  },
  {
    ...{ head: 'Failing since', class: 'named', optional: true },
    cell: ({ failing_since: since }) =>
      since === null ? '' : component(Time, { at: since, style: 'minute' }),
  },
]

const counted = (n: number, to: string) => (n === 0 ? '0' : a({ href: to }, count(n)))

function eventsOf([first = '', ...others]: readonly string[]): string {
  const name = first === '*' ? 'All' : first
  return others.length === 0 ? name : `${name} + ${others.length}`
}

export default function Webhooks(): VNode {
  const endpoints = useEndpoints()
  const places = new Map(endpoints.data.value?.map((endpoint) => [endpoint.id, placeOf(endpoint)]))
  const add = can('webhooks:write')
    ? button({ type: 'button', class: 'button primary', onClick: addEndpoint }, 'Add endpoint')
    : null
  return component(
    Page,
    { title: 'Webhooks', actions: add },
    component(Loaded<readonly Endpoint[]>, {
      resource: endpoints,
      show: (rows) =>
        rows.length === 0
          ? component(NoEndpoint, {})
          : component(Table<Endpoint>, {
              ...{ label: 'Webhook endpoints', columns: COLUMNS, rows, idOf: ({ id }: Endpoint) => id },
            }),
    }),
    endpoints.data.value
      ? component(Later<FailuresProps>, {
          load: loadFailures,
          props: { placeOf: (id: string) => places.get(id) },
        })
      : null,
  )
}

const addEndpoint = () =>
  withModule(form, ({ editEndpoint }) => editEndpoint(undefined, ({ id }) => go(`/webhooks/${id}`)))

function NoEndpoint(): VNode {
  return component(
    Empty,
    { title: 'No webhook endpoint yet' },
    p(
      {},
      'An endpoint is an address of yours. MiniPay posts to it what happens: payments, refunds, disputes.',
    ),
  )
}
