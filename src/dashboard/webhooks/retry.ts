/** Failed deliveries are sent again: one, or all of an endpoint with one error, counted first and with progress. */
import { useState } from 'preact/hooks'
import type { DeliveryView, RetriedView } from '../../api/minipay/delivery-schemas.ts'
import type { WebhookReplayView } from '../../api/minipay/webhook-replay-schemas.ts'
import { api } from '../api.ts'
import { count, plural } from '../format.ts'
import { usePoll } from '../poll.ts'
import { useResource } from '../resource.ts'
import { component, p, progress, span, type VNode } from '../tags.ts'
import { FormDialog, showDialog } from '../ui/dialog.ts'
import { Loaded } from '../ui/empty.ts'
import { NoticeDialog } from '../ui/notice-dialog.ts'

/** Failed deliveries: those of an endpoint, or those of it with one error. */
export type Failed = { readonly endpoint: string; readonly error?: string; readonly place: string }

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

const ofError = ({ error }: Failed) => (error === undefined ? {} : { last_error: error })

function RetryDialog({ failed, close }: { failed: Failed; close: () => void }): VNode {
  const { endpoint, error, place } = failed
  const counted = useResource(() =>
    api.post<RetriedView>('/webhook_deliveries/retry', { endpoint, ...ofError(failed), dry_run: true }),
  )
  const { queued = 0, has_more: more = false } = counted.data.value ?? {}
  const words = `${count(queued)}${more ? ' or more' : ''}`
  let afterwards = close
  return component(
    FormDialog,
    {
      title: 'Retry failed deliveries',
      submit: counted.data.value ? `Retry ${words}` : 'Retry',
      purpose: `retry ${endpoint} ${error ?? ''}`,
      valid: queued > 0,
      async onSubmit() {
        const body = { kind: 'failed', ...ofError(failed) }
        const replay = await api.post<WebhookReplayView>(`/webhook_endpoints/${endpoint}/replays`, body)
        afterwards = () => showReplay(replay, queued)
        return undefined
      },
      onClose: () => afterwards(),
    },
    component(Loaded<RetriedView>, {
      resource: counted,
      lines: 1,
      show: () =>
        p(
          {},
          `${plural(queued, 'failed delivery', 'failed deliveries')}${more ? ' or more' : ''} to ${place}`,
          error === undefined ? '' : ` with the error “${error}”`,
          queued === 1
            ? ' is sent again.'
            : ' are sent again, in the background. New events do not wait for them.',
        ),
    }),
  )
}

/** The progress of a replay; `total` is the number of its deliveries, as far as it is known. */
export function showReplay(replay: WebhookReplayView, total: number): void {
  showDialog((close) => component(ReplayDialog, { replay, total, close }))
}

function ReplayDialog({
  replay: first,
  total,
  close,
}: {
  replay: WebhookReplayView
  total: number
  close: () => void
}): VNode {
  const [replay, setReplay] = useState(first)
  const { status, sent, delivered } = replay
  usePoll(async () => {
    if (status === 'running') setReplay(await api.get<WebhookReplayView>(`/webhook_replays/${first.id}`))
  }, 1_000)
  const whole = Math.max(total, sent)
  const title =
    status === 'running'
      ? total === 1
        ? 'A delivery is being sent again'
        : 'Deliveries are being sent again'
      : status === 'done'
        ? 'Retry finished'
        : `Retry ${status}`
  return component(
    NoticeDialog,
    { title, onClose: close },
    progress({
      max: Math.max(whole, 1),
      value: status === 'done' ? Math.max(whole, 1) : sent,
      'aria-label': 'Sent',
    }),
    p(
      { role: 'status' },
      `${count(sent)} of ${count(whole)} sent, ${count(delivered)} delivered. `,
      span(
        { class: 'soft' },
        status === 'running'
          ? 'It continues without this page.'
          : 'MiniPay tries one that fails again by the schedule.',
      ),
    ),
  )
}
