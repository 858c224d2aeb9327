/** How far replays are: in words, as a bar, and in a dialog. */
import { useState } from 'preact/hooks'
import type { WebhookReplayView } from '../../api/minipay/webhook-replay-schemas.ts'
import { api } from '../api.ts'
import { count } from '../format.ts'
import { usePoll } from '../poll.ts'
import { component, p, progress, span, type VNode } from '../tags.ts'
import { showDialog } from '../ui/dialog.ts'
import { NoticeDialog } from '../ui/notice-dialog.ts'

type Replays = readonly Pick<
  WebhookReplayView,
  'status' | 'total' | 'sent' | 'delivered' | 'position' | 'after_sequence' | 'to_sequence'
>[]

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0)

/** What they had to send; deliveries that failed meanwhile join them. Undefined where one of them was not counted. */
function wholeOf(replays: Replays): number | undefined {
  const totals = replays.map(({ total, sent }) => (total === null ? Number.NaN : Math.max(total, sent)))
  const whole = sumOf(totals)
  return Number.isNaN(whole) ? undefined : whole
}

/** `3 of 5 sent, 2 delivered`; `12 sent, 11 delivered` where the number of all is not known. */
export function progressWords(replays: Replays): string {
  const [sent, whole] = [sumOf(replays.map((replay) => replay.sent)), wholeOf(replays)]
  const of = whole === undefined ? '' : ` of ${count(whole)}`
  return `${count(sent)}${of} sent, ${count(sumOf(replays.map(({ delivered }) => delivered)))} delivered`
}

/** From 0 to 1: by what was sent, or by the events that were read where the number of all is not known. */
export function progressShare(replays: Replays): number {
  if (replays.every(({ status }) => status === 'done')) return 1
  const whole = wholeOf(replays)
  if (whole !== undefined && whole > 0) return sumOf(replays.map(({ sent }) => sent)) / whole
  const read = replays.map(({ position, after_sequence: after }) => position - after)
  const all = replays.map(({ to_sequence: to, after_sequence: after }) => to - after)
  return sumOf(read) / Math.max(1, sumOf(all))
}

export function ReplayBar({ replays, label }: { replays: Replays; label: string }): VNode {
  return progress({ max: 1, value: progressShare(replays), 'aria-label': label })
}

/** The progress of replays that were just started. */
export function showReplays(replays: readonly WebhookReplayView[]): void {
  showDialog((close) => component(ReplayDialog, { replays, close }))
}

function ReplayDialog({
  replays: first,
  close,
}: {
  replays: readonly WebhookReplayView[]
  close: () => void
}): VNode {
  const [replays, setReplays] = useState(first)
  const running = replays.some(({ status }) => status === 'running')
  usePoll(async () => {
    if (!running) return
    const look = (replay: WebhookReplayView) =>
      replay.status === 'running'
        ? api.get<WebhookReplayView>(`/webhook_replays/${replay.id}`)
        : Promise.resolve(replay)
    setReplays(await Promise.all(replays.map(look)))
  }, 1_000)
  return component(
    NoticeDialog,
    { title: titleOf(replays), onClose: close },
    component(ReplayBar, { replays, label: 'Sent' }),
    p(
      { role: 'status' },
      `${progressWords(replays)}. `,
      span(
        { class: 'soft' },
        running ? 'It continues without this page.' : 'MiniPay tries one that fails again by the schedule.',
      ),
    ),
  )
}

function titleOf(replays: readonly WebhookReplayView[]): string {
  if (replays.some(({ status }) => status === 'running'))
    return wholeOf(replays) === 1 ? 'A delivery is being sent again' : 'Deliveries are being sent again'
  return replays.every(({ status }) => status === 'done') ? 'Retry finished' : 'Retry canceled'
}
