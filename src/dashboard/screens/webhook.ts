import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { count, duration } from '../format.ts'
import { can } from '../me.ts'
import { go, href } from '../router.ts'
import type { ScreenProps } from '../routes.ts'
import { button, code, component, fragment, type VNode } from '../tags.ts'
import { Card, Details, Figures } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { Menu } from '../ui/menu.ts'
import { Later, Page, withModule } from '../ui/page.ts'
import { Badge, Id, Time } from '../ui/values.ts'
import type { FailuresProps } from '../webhooks/failures.ts'
import { useEndpoint } from '../webhooks/use-endpoints.ts'
import { CONFIGURED, disabledBecause, placeOf, successOf } from '../webhooks/words.ts'

type Endpoint = WebhookEndpointView

const actions = () => import('../webhooks/actions.ts')
const form = () => import('../webhooks/endpoint-form.ts')
const loadFailures = () => import('../webhooks/failures.ts').then(({ Failures }) => Failures)
const loadReplays = () => import('../webhooks/replays.ts').then(({ Replays }) => Replays)
const loadDeliveries = () =>
  import('../webhooks/endpoint-deliveries.ts').then(({ EndpointDeliveries }) => EndpointDeliveries)

export default function Webhook({ params }: ScreenProps): VNode {
  const { id = '' } = params
  const resource = useEndpoint(id)
  const endpoint = resource.data.value
  const changed = (now: Endpoint) => resource.update(() => now)
  return component(
    Page,
    {
      title: endpoint ? placeOf(endpoint) : 'Webhook endpoint',
      heading: endpoint
        ? fragment(placeOf(endpoint), component(Badge, { status: endpoint.status }))
        : undefined,
      above: { label: 'Webhooks', href: href('/webhooks') },
      here: code({}, id),
      actions: endpoint && can('webhooks:write') ? component(Actions, { endpoint, changed }) : null,
    },
    component(Loaded<Endpoint>, { resource, show: (now) => component(Content, { endpoint: now }) }),
  )
}

function Actions({ endpoint, changed }: { endpoint: Endpoint; changed: (now: Endpoint) => void }): VNode {
  const test = button(
    {
      type: 'button',
      class: 'button',
      onClick: () => withModule(actions, ({ sendTest }) => sendTest(endpoint)),
    },
    'Send test event',
  )
  if (endpoint.id === CONFIGURED) return test
  const items = [
    {
      label: endpoint.status === 'enabled' ? 'Disable…' : 'Enable…',
      onSelect: () => withModule(actions, ({ switchEndpoint }) => switchEndpoint(endpoint, changed)),
    },
    {
      label: 'Rotate secret…',
      onSelect: () => withModule(actions, ({ rotateSecret }) => rotateSecret(endpoint, changed)),
    },
    {
      label: 'Delete…',
      danger: true,
      onSelect: () =>
        withModule(actions, ({ deleteEndpoint }) => deleteEndpoint(endpoint, () => go('/webhooks'))),
    },
  ]
  return fragment(
    test,
    button(
      {
        type: 'button',
        class: 'button',
        onClick: () => withModule(form, ({ editEndpoint }) => editEndpoint(endpoint, changed)),
      },
      'Edit',
    ),
    component(Menu, { label: 'More actions', items }),
  )
}

function Content({ endpoint }: { endpoint: Endpoint }): VNode {
  const { id, backlog, pending, failed, attempts_24h: attempts } = endpoint
  return fragment(
    component(Figures, {
      figures: [
        { label: 'Accepted, 24 h', value: successOf(endpoint), note: `of ${count(attempts)} attempts` },
        { label: 'Backlog', value: count(backlog), note: 'events of any type' },
        {
          ...{ label: 'Pending', value: count(pending), note: 'deliveries' },
          href: href(`/webhooks/${id}`, { status: 'pending' }),
        },
        {
          ...{ label: 'Failed', value: count(failed), note: 'deliveries' },
          href: href(`/webhooks/${id}`, { status: 'failed' }),
        },
      ],
    }),
    component(
      Card,
      { title: 'Details', class: 'spread' },
      component(Details, { items: detailsOf(endpoint) }),
    ),
    component(Later<FailuresProps>, {
      load: loadFailures,
      props: { endpoint: id, placeOf: () => placeOf(endpoint) },
    }),
    component(Later<{ id: string }>, { load: loadReplays, props: { id } }),
    component(Later<{ id: string }>, { load: loadDeliveries, props: { id } }),
  )
}

function detailsOf(endpoint: Endpoint): readonly (readonly [string, VNode | string | null])[] {
  const { failing_since: failing, former_secret_until: former, description, rate_limit: rate } = endpoint
  const disabled = disabledBecause(endpoint)
  return [
    ['Why disabled', disabled ?? null],
    ['URL', endpoint.url],
    ['Id', component(Id, { id: endpoint.id, whole: true })],
    ['Set by', endpoint.id === CONFIGURED ? 'The setting WEBHOOK_TARGET' : null],
    ['Description', description],
    ['Events', endpoint.events.join(', ')],
    ['Body', endpoint.format],
    ['Order', endpoint.ordered ? 'Events of a payment come in their order' : null],
    ['Most attempts a second', rate === null ? null : count(rate)],
    [
      'Retries after',
      endpoint.retry_delays_seconds.map((s) => duration(s * 1_000)).join(', ') || 'No retries',
    ],
    ['Own headers', endpoint.header_names.join(', ') || null],
    ['Failing since', failing === null ? null : component(Time, { at: failing, ago: true })],
    ['Former secret works until', former === null ? null : component(Time, { at: former })],
    ['Created', component(Time, { at: endpoint.created_at, style: 'long' })],
  ]
}
