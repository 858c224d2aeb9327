/** Where people are signed in with a key, and the ways to end that. */
import type { DashboardSessionView } from '../api/minipay/session-schemas.ts'
import { api } from './api.ts'
import { me } from './me.ts'
import { type ListPage, useResource } from './resource.ts'
import { button, component, div, span, type VNode } from './tags.ts'
import { Card } from './ui/card.ts'
import { Empty, Loaded } from './ui/empty.ts'
import { showDialog, withModule } from './ui/page.ts'
import { type Column, Table } from './ui/table.ts'
import { Pill, Time } from './ui/values.ts'

const dialogs = () => import('./session-dialogs.ts')

type Listed = DashboardSessionView & { readonly onDone: () => void; readonly mayEnd: boolean }

const COLUMNS: readonly Column<Listed>[] = [
  {
    head: 'Browser',
    class: 'wide lead',
    cell: ({ browser, address }) =>
      div(
        { class: 'two-lines' },
        span({}, browser ?? 'Another browser'),
        span({ class: 'mono soft' }, address),
      ),
  },
  {
    head: 'Signed in',
    class: 'second',
    cell: ({ created_at: at }) => component(Time, { at, style: 'minute' }),
  },
  {
    head: 'Last used',
    class: 'when',
    cell: ({ last_used_at: at }) => component(Time, { at, style: 'minute', ago: true }),
  },
  { head: 'Actions', class: 'action', cell: endOf },
]

function endOf(session: Listed): VNode | null {
  if (session.current) return component(Pill, { tone: 'good', word: 'This one' })
  if (!session.mayEnd) return null
  const { onDone } = session
  return button(
    {
      ...{ type: 'button', class: 'plain' },
      onClick: () =>
        withModule(dialogs, ({ EndDialog }) =>
          showDialog((close) => component(EndDialog, { session, close, onDone })),
        ),
    },
    'End…',
  )
}

type SessionsProps = {
  /** The id of the key; undefined: your own. */
  of: string | undefined
  /** Whether you may end them. */
  mayEnd?: boolean
}

/** The sessions of a key, newest first. */
export function Sessions({ of, mayEnd = true }: SessionsProps): VNode | null {
  const list = useResource(
    (signal) => api.get<ListPage<DashboardSessionView>>('/sessions', { key: of, limit: 100 }, { signal }),
    [of],
  )
  const isOwn = of === undefined || of === me.value?.key?.id
  const onDone = () => list.reload()
  const rows = list.data.value?.data ?? []
  const endOthers = () =>
    withModule(dialogs, ({ EndOthersDialog }) =>
      showDialog((close) => component(EndOthersDialog, { of, close, onDone })),
    )
  return component(
    Card,
    {
      title: isOwn ? 'Your sessions' : 'Sessions of the key',
      aside:
        mayEnd && rows.some(({ current }) => !current)
          ? button({ type: 'button', class: 'button small', onClick: endOthers }, 'End all others…')
          : null,
    },
    component(Loaded<ListPage<DashboardSessionView>>, {
      resource: list,
      show: ({ data }) =>
        data.length === 0
          ? component(Empty, { title: 'No browser is signed in with this key' })
          : Table<Listed>({
              ...{ label: 'Sessions', columns: COLUMNS, idOf: ({ id }) => id, clickable: false },
              rows: data.map((session) => ({ ...session, onDone, mayEnd })),
            }),
    }),
  )
}
