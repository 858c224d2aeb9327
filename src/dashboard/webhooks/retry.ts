/** Failed deliveries are sent again: one, or all that fit, counted first and with progress. */
import { useRef, useState } from 'preact/hooks'
import type { DeliveryView, RetriedView } from '../../api/minipay/delivery-schemas.ts'
import type { WebhookReplayView } from '../../api/minipay/webhook-replay-schemas.ts'
import { api } from '../api.ts'
import { count, plural } from '../format.ts'
import { zone } from '../preferences.ts'
import { useResource } from '../resource.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog, showDialog } from '../ui/dialog.ts'
import { Loaded } from '../ui/empty.ts'
import { TextField } from '../ui/field.ts'
import { showReplays } from './replay-progress.ts'
import { startOfMinute } from './words.ts'

/** The failed deliveries of endpoints: with one error, since a time that the reader gives, or all. */
export type Failed = {
  readonly endpoints: readonly string[]
  /** Where they go, in words. */
  readonly place: string
  readonly error?: string
  readonly asksSince?: boolean
}

export function retryOne({ id }: DeliveryView, onDone: (delivery: DeliveryView) => void): void {
  showDialog((close) =>
    component(
      FormDialog,
      {
        ...{ title: 'Send again', submit: 'Send again', purpose: `retry ${id}`, onClose: close },
        async onSubmit() {
          onDone(await api.post<DeliveryView>(`/webhook_deliveries/${id}/retry`))
          return 'MiniPay sends it again now'
        },
      },
      p({}, 'MiniPay sends this event again at once, and by the schedule if that fails.'),
    ),
  )
}

export function retryAll(failed: Failed): void {
  showDialog((close) => component(RetryDialog, { failed, close }))
}

type Counted = { readonly queued: number; readonly more: boolean }

/** How many would be sent again; the API changes nothing in a dry run. */
async function countFailed({ endpoints, error }: Failed, since: string | undefined): Promise<Counted> {
  const filter = { last_error: error, created_gte: since, dry_run: true }
  let [queued, more] = [0, false]
  for (const endpoint of endpoints) {
    const found = await api.post<RetriedView>('/webhook_deliveries/retry', { ...filter, endpoint })
    queued += found.queued
    more ||= found.has_more
  }
  return { queued, more }
}

function RetryDialog({ failed, close }: { failed: Failed; close: () => void }): VNode {
  const { endpoints, error, asksSince = false } = failed
  const [typed, setTyped] = useState('')
  const since = startOfMinute(typed, zone.value === 'UTC')
  const counted = useResource(() => countFailed(failed, since), [since])
  /** Those that were started before one could not be: the next press starts the others. */
  const started = useRef(new Map<string, WebhookReplayView>())
  const { queued = 0, more = false } = counted.data.value ?? {}
  const known = counted.data.value !== undefined && !counted.loading.value
  let afterwards = close
  return component(
    FormDialog,
    {
      title: asksSince ? 'Retry all that failed since…' : 'Retry failed deliveries',
      submit: known ? `Retry ${count(queued)}${more ? ' or more' : ''}` : 'Retry',
      purpose: `retry ${endpoints.join()} ${error ?? ''}`,
      keyed: true,
      valid: known && (queued > 0 || more),
      async onSubmit(_, key) {
        for (const endpoint of endpoints.filter((id) => !started.current.has(id)))
          started.current.set(endpoint, await startReplay(endpoint, { last_error: error, since }, key))
        afterwards = () => showReplays([...started.current.values()])
        return undefined
      },
      onFormer: counted.reload,
      onClose: () => afterwards(),
    },
    asksSince
      ? component(TextField, {
          ...{ name: 'since', label: 'Since', type: 'datetime-local', value: typed, onInput: setTyped },
          hint: `When the event was stored. Leave it empty for all.`,
        })
      : null,
    component(Loaded<Counted>, {
      resource: counted,
      lines: 1,
      show: (found) => p({ role: 'status' }, wordsOf(failed, found)),
    }),
  )
}

/** Each endpoint has a request, and a key, of its own. */
function startReplay(endpoint: string, filter: object, key: string): Promise<WebhookReplayView> {
  const path = `/webhook_endpoints/${endpoint}/replays`
  return api.post<WebhookReplayView>(path, { kind: 'failed', ...filter }, { key: `${key}-${endpoint}` })
}

function wordsOf({ place, error }: Failed, { queued, more }: Counted): string {
  const deliveries = `${plural(queued, 'failed delivery', 'failed deliveries')}${more ? ' or more' : ''} to ${place}`
  const which = error === undefined ? deliveries : `${deliveries} with the error “${error}”`
  if (queued === 1 && !more) return `${which} is sent again.`
  return `${which} are sent again, in the background. New events do not wait for them.`
}
