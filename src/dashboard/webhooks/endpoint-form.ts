/** The form that makes or changes a webhook endpoint. */
import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { api } from '../api.ts'
import { component, details, div, summary, type VNode } from '../tags.ts'
import { FormDialog, type FormValues, showDialog } from '../ui/dialog.ts'
import { Checkbox, SelectField, TextArea, TextField } from '../ui/field.ts'
import { showSecret } from './secret.ts'

type Props = {
  /** Undefined: makes a new one. */
  endpoint: WebhookEndpointView | undefined
  onDone: (endpoint: WebhookEndpointView) => void
  close: () => void
}

export function editEndpoint(
  endpoint: WebhookEndpointView | undefined,
  onDone: (endpoint: WebhookEndpointView) => void,
): void {
  showDialog((close) => component(EndpointDialog, { endpoint, onDone, close }))
}

const FORMATS = [
  ['minipay', 'MiniPay'],
  ['original', 'Original: the main fields of the charge'],
  ['stripe', 'Stripe'],
] as const

function EndpointDialog({ endpoint, onDone, close }: Props): VNode {
  /** What is shown once the form is closed. */
  let afterwards = close
  const submit = async (values: FormValues): Promise<string | undefined> => {
    const body = bodyOf(values, endpoint)
    if (endpoint) {
      onDone(await api.patch<WebhookEndpointView>(`/webhook_endpoints/${endpoint.id}`, body))
      return 'Endpoint saved'
    }
    const made = await api.post<WebhookEndpointView & { secret: string }>('/webhook_endpoints', body)
    onDone(made)
    afterwards = () => showSecret(made.secret)
    return 'Endpoint added'
  }
  return component(
    FormDialog,
    {
      title: endpoint ? 'Edit endpoint' : 'Add endpoint',
      submit: endpoint ? 'Save endpoint' : 'Add endpoint',
      purpose: `webhook endpoint ${endpoint?.id ?? 'new'}`,
      onSubmit: submit,
      onClose: () => afterwards(),
    },
    component(TextField, {
      ...{ name: 'url', label: 'URL', required: true, autoFocus: true, value: endpoint?.url ?? '' },
      hint: 'MiniPay posts events there. Plain http only for first steps on this machine.',
    }),
    component(TextField, {
      ...{ name: 'events', label: 'Events', value: endpoint?.events.join(', ') ?? '*' },
      hint: '* for all, or types and prefixes with commas: payment.*, refund.failed',
    }),
    component(TextField, {
      ...{ name: 'description', label: 'Description', value: endpoint?.description ?? '' },
    }),
    component(More, { endpoint }),
  )
}

function More({ endpoint }: Pick<Props, 'endpoint'>): VNode {
  const names = endpoint?.header_names.join(', ') ?? ''
  return details(
    { class: 'more-fields' },
    summary({}, 'Format, order, limits and headers'),
    div(
      { class: 'fields' },
      component(SelectField, {
        ...{ name: 'format', label: 'Body', value: endpoint?.format ?? 'minipay', choices: FORMATS },
      }),
      component(Checkbox, {
        ...{ name: 'ordered', label: 'Keep the order of the events of each payment' },
        checked: endpoint?.ordered ?? false,
      }),
      component(TextField, {
        ...{ name: 'rate_limit', label: 'Most attempts a second', inputMode: 'numeric' },
        ...{ value: String(endpoint?.rate_limit ?? ''), hint: 'Empty: without a limit' },
      }),
      component(TextField, {
        ...{ name: 'delays', label: 'Seconds between attempts' },
        ...{ value: endpoint?.retry_delays_seconds.join(', ') ?? '' },
        hint: 'With commas. Empty: ten attempts in three days',
      }),
      component(TextArea, {
        ...{ name: 'headers', label: 'Headers of yours', rows: 2 },
        hint:
          names === ''
            ? 'One a line: x-shop: lisbon'
            : `Empty: as they are (${names}). Otherwise all of them, one a line`,
      }),
    ),
  )
}

/** The fields of the API. Of a stored endpoint, headers that were not typed stay as they are. */
export function bodyOf(values: FormValues, endpoint: WebhookEndpointView | undefined): object {
  const list = (name: string) =>
    (values[name] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
  const orNull = (name: string) => ((values[name] ?? '').trim() === '' ? null : values[name]?.trim())
  const delays = list('delays')
  const rate = orNull('rate_limit')
  const lines = (values['headers'] ?? '').split('\n').filter((line) => line.trim() !== '')
  const headers = lines.map((line) => [
    line.split(':', 1)[0]?.trim(),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return {
    url: values['url']?.trim(),
    events: list('events'),
    description: orNull('description'),
    format: values['format'],
    ordered: values['ordered'] === 'on',
    rate_limit: rate === null ? null : Number(rate),
    retry_delays_seconds: delays.length === 0 ? null : delays.map(Number),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(endpoint && { version: endpoint.version }),
  }
}
