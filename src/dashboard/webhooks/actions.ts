/** What a person does to a webhook endpoint. */
import type { WebhookEndpointView, WebhookTestView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { api } from '../api.ts'
import { duration } from '../format.ts'
import { code, component, p, type VNode } from '../tags.ts'
import { FormDialog, type FormValues, showDialog } from '../ui/dialog.ts'
import { SelectField } from '../ui/field.ts'
import { NoticeDialog } from '../ui/notice-dialog.ts'
import { Pill } from '../ui/values.ts'
import { showSecret } from './secret.ts'
import { placeOf } from './words.ts'

type Endpoint = WebhookEndpointView
type Action = {
  readonly title: string
  readonly submit: string
  readonly text: string
  readonly danger?: boolean
  readonly confirm?: { label: string; text: string }
  /** Returns the words of the toast. `then` replaces the dialog by another one. */
  readonly run: (values: FormValues, then: (show: () => void) => void) => Promise<string | undefined>
  readonly field?: VNode
}

function show(endpoint: Endpoint, action: Action): void {
  showDialog((close) => {
    let afterwards = close
    const { run, text, field, ...rest } = action
    return component(
      FormDialog,
      {
        ...rest,
        purpose: `${action.title} ${endpoint.id}`,
        onSubmit: (values: FormValues) => run(values, (next) => (afterwards = next)),
        onClose: () => afterwards(),
      },
      p({}, text),
      field,
    )
  })
}

const path = ({ id }: Endpoint, verb = '') => `/webhook_endpoints/${encodeURIComponent(id)}${verb}`

export function sendTest(endpoint: Endpoint): void {
  show(endpoint, {
    ...{ title: 'Send a test event', submit: 'Send test event' },
    text: `MiniPay sends one signed event of the type webhook_endpoint.test to ${placeOf(endpoint)} now, and stores nothing of it.`,
    async run(_values, then) {
      const test = await api.post<WebhookTestView>(path(endpoint, '/test'))
      then(() => showDialog((close) => component(TestResult, { test, close })))
      return undefined
    },
  })
}

function TestResult({ test, close }: { test: WebhookTestView; close: () => void }): VNode {
  const { delivered, duration_ms: ms, status, error, response } = test
  return component(
    NoticeDialog,
    {
      title: delivered ? 'The test event was delivered' : 'The test event was not delivered',
      onClose: close,
    },
    p(
      {},
      component(Pill, {
        tone: delivered ? 'good' : 'bad',
        word: status === null ? 'No response' : `${status}`,
      }),
      ` after ${duration(ms)}`,
    ),
    error === null ? null : p({}, `MiniPay found: ${error}.`),
    response === null ? null : code({ class: 'answer' }, response),
  )
}

export function switchEndpoint(endpoint: Endpoint, onDone: (endpoint: Endpoint) => void): void {
  const enabled = endpoint.status === 'enabled'
  show(endpoint, {
    title: enabled ? 'Disable endpoint' : 'Enable endpoint',
    submit: enabled ? 'Disable endpoint' : 'Enable endpoint',
    text: enabled
      ? `MiniPay sends nothing more to ${placeOf(endpoint)}. Its events wait, and follow once you enable it again.`
      : `MiniPay sends ${placeOf(endpoint)} all events since it was disabled, at its own pace.`,
    danger: enabled,
    async run() {
      onDone(await api.post<Endpoint>(path(endpoint, enabled ? '/disable' : '/enable')))
      return enabled ? 'Endpoint disabled' : 'Endpoint enabled'
    },
  })
}

const OVERLAPS = [
  ['86400', 'One day'],
  ['3600', 'One hour'],
  ['604800', 'One week'],
  ['0', 'Not at all: it leaked'],
] as const

export function rotateSecret(endpoint: Endpoint, onDone: (endpoint: Endpoint) => void): void {
  show(endpoint, {
    ...{ title: 'Rotate secret', submit: 'Rotate secret' },
    text: 'MiniPay makes a new secret and shows it once. Meanwhile it signs with both, so your receiver may have either.',
    field: component(SelectField, {
      ...{ name: 'overlap', label: 'The former secret still works for', choices: OVERLAPS },
    }),
    async run(values, then) {
      const body = { overlap_seconds: Number(values['overlap']) }
      const { secret, ...made } = await api.post<Endpoint & { secret: string }>(
        path(endpoint, '/rotate_secret'),
        body,
      )
      onDone(made)
      then(() => showSecret(secret))
      return undefined
    },
  })
}

export function deleteEndpoint(endpoint: Endpoint, onDone: () => void): void {
  const host = URL.parse(endpoint.url)?.host ?? endpoint.id
  show(endpoint, {
    ...{ title: 'Delete endpoint', submit: 'Delete endpoint', danger: true },
    text: 'This deletes it permanently, with its secrets. Its waiting deliveries fail. To stop for a while, disable it.',
    confirm: { label: `Type ${host}`, text: host },
    async run() {
      await api.remove(path(endpoint))
      onDone()
      return 'Endpoint deleted'
    },
  })
}
