/** The replays of an endpoint: what is sent again, how far that is, and its end. */
import type { WebhookReplayView } from '../../api/minipay/webhook-replay-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { usePoll } from '../poll.ts'
import { type ListPage, usePages } from '../resource.ts'
import { button, component, p, span, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { FormDialog, showDialog } from '../ui/dialog.ts'
import { type Column, List } from '../ui/table.ts'
import { Badge, Time } from '../ui/values.ts'
import { progressWords, ReplayBar } from './replay-progress.ts'

type Replay = WebhookReplayView
const PAGE = 10

/** The replays of an endpoint, newest first; nothing before its first one. */
export function Replays({ id }: { id: string }): VNode | null {
  const load = (after?: string, signal?: AbortSignal) =>
    api.get<ListPage<Replay>>(
      `/webhook_endpoints/${encodeURIComponent(id)}/replays`,
      { limit: PAGE, starting_after: after },
      signal ? { signal } : {},
    )
  const pages = usePages(load, idOf, [id])
  const { rows } = pages
  usePoll(
    async () => {
      const { data } = await load()
      const known = new Set(rows.map(idOf))
      // Each is a few lines: a new one appears at the top.
      if (data.some(({ id }) => !known.has(id))) pages.reload()
      for (const replay of data) pages.replace(replay)
    },
    rows.some(isRunning) ? 1_000 : 5_000,
  )
  if (rows.length === 0) return null
  return component(
    Card,
    { title: 'Replays', aside: 'What is sent again' },
    component(List<Replay>, {
      ...{ label: 'Replays of this endpoint', noun: 'replay', pages, idOf, clickable: false },
      columns: columnsOf((replay) => void pages.replace(replay)),
      empty: p({}, 'None.'),
    }),
  )
}

const idOf = ({ id }: Replay) => id
const isRunning = ({ status }: Replay) => status === 'running'

function columnsOf(onChange: (replay: Replay) => void): readonly Column<Replay>[] {
  return [
    { head: 'Sent again', class: 'wide', cell: (replay) => whatOf(replay) },
    { head: 'Status', class: 'named', cell: ({ status }) => component(Badge, { status }) },
    {
      ...{ head: 'Progress', class: 'named' },
      cell: (replay) =>
        span(
          { class: 'two-lines' },
          component(ReplayBar, { replays: [replay], label: `Progress of ${replay.id}` }),
          span({ class: 'soft' }, progressWords([replay])),
        ),
    },
    {
      head: 'Started',
      class: 'named',
      cell: ({ created_at: at }) => component(Time, { at, style: 'minute' }),
    },
    {
      ...{ head: 'Actions', class: 'action' },
      cell: (replay) =>
        isRunning(replay) && can('webhooks:write')
          ? button(
              { type: 'button', class: 'plain', onClick: () => cancel(replay, onChange) },
              'Cancel…',
              span({ class: 'hidden' }, ` ${replay.id}`),
            )
          : null,
    },
  ]
}

/** What a replay sends, in words. */
function whatOf({ kind, event_types: types, last_error: error, ...range }: Replay): string {
  const { after_sequence: after, to_sequence: to } = range
  const what = kind === 'failed' ? 'Failed deliveries' : 'Past events'
  const of = types === null ? '' : ` of ${types.join(', ')}`
  const failedWith = error === null ? '' : ` with “${error}”`
  return `${what}${of}${failedWith}, of events ${after + 1} to ${to}`
}

function cancel(replay: Replay, onChange: (replay: Replay) => void): void {
  showDialog((close) =>
    component(
      FormDialog,
      {
        ...{ title: 'Cancel replay', submit: 'Cancel replay', danger: true },
        purpose: `cancel ${replay.id}`,
        async onSubmit() {
          onChange(await api.post<Replay>(`/webhook_replays/${replay.id}/cancel`))
          return 'Replay canceled'
        },
        onClose: close,
      },
      p(
        {},
        'MiniPay sends nothing more of it; attempts in flight still end. What it has not sent stays as it is.',
      ),
    ),
  )
}
