import { useEffect } from 'preact/hooks'
import type { SystemView } from '../../api/system-schemas.ts'
import { api } from '../api.ts'
import { count, duration, plural } from '../format.ts'
import { showJson } from '../json.ts'
import { me } from '../me.ts'
import { useResource } from '../resource.ts'
import { href } from '../router.ts'
import { size, Warnings } from '../system-parts.ts'
import { code, component, fragment, type VNode } from '../tags.ts'
import { Card, Details, Figures } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'
import { Table } from '../ui/table.ts'
import { CopyButton, Pill, Time } from '../ui/values.ts'

const EVERY_MS = 15_000
const ENGINES = { sqlite: 'SQLite', postgresql: 'PostgreSQL' } as const
export default function System(): VNode {
  const system = useResource(() => api.get<SystemView>('/system'))
  useEffect(() => {
    const timer = setInterval(() => document.hidden || system.reload(), EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  const found = system.data.value
  return component(
    Page,
    {
      title: 'System',
      actions: found ? component(CopyButton, { value: diagnostics(found), label: 'Copy diagnostics' }) : null,
    },
    component(Loaded<SystemView>, { resource: system, show: (data) => component(State, { data }), lines: 8 }),
  )
}

/** For a message to support: everything that the page shows, without secrets and paths. */
function diagnostics(system: SystemView): string {
  const browser = typeof navigator === 'undefined' ? '' : navigator.userAgent
  return showJson({ ...system, mode: me.value?.mode, access: me.value?.access, browser })
}

function State({ data }: { data: SystemView }): VNode {
  const { database, nodes, webhooks, settings } = data
  return fragment(
    component(Warnings, { data }),
    component(Figures, {
      figures: [
        { label: 'Version', value: data.version, note: `Node.js ${data.node_version}` },
        {
          label: 'Running for',
          value: duration(data.uptime_seconds * 1_000),
          note: `${size(data.memory_bytes)} of memory`,
        },
        {
          label: 'Database',
          value: size(database.bytes),
          note: `${ENGINES[database.engine]} ${database.version}`,
        },
        {
          label: 'Webhooks that wait',
          value: count(webhooks.waiting),
          note: plural(webhooks.failed, 'failed for good', 'failed for good'),
          href: href('/webhooks'),
        },
      ],
    }),
    component(
      Card,
      { title: 'Server', class: 'settings' },
      component(Details, {
        items: [
          [
            'Background work',
            component(Pill, data.working ? { tone: 'good', word: 'Runs' } : { tone: 'bad', word: 'Stopped' }),
          ],
          ['Mode of this page', me.value?.mode === 'live' ? 'Live' : 'Test'],
          ['Platform', data.platform],
          ['Write-ahead log', database.wal_bytes === null ? null : size(database.wal_bytes)],
          ['Room on the disk', database.free_bytes === null ? null : size(database.free_bytes)],
        ],
      }),
    ),
    nodes ? component(Nodes, { nodes }) : null,
    component(Card, { title: 'Settings', class: 'settings' }, component(Settings, { settings })),
  )
}

function Settings({ settings }: { settings: object }): VNode {
  return component(Details, {
    items: Object.entries(settings).map(([name, value]): readonly [string, VNode] => [
      name,
      code({}, (Array.isArray(value) ? value.join(', ') : String(value)) || '–'),
    ]),
  })
}

type Node = NonNullable<SystemView['nodes']>[number]

function Nodes({ nodes }: { nodes: readonly Node[] }): VNode {
  return component(
    Card,
    { title: 'Nodes', aside: plural(nodes.length, 'node') },
    component(Table<Node>, {
      ...{ label: 'Nodes', rows: nodes, idOf: ({ id }) => id, clickable: false },
      columns: [
        {
          head: 'Id',
          class: 'wide lead',
          cell: ({ id, is_this }) => fragment(code({}, id), is_this ? ' · this one' : ''),
        },
        {
          head: 'Last heartbeat',
          class: 'side',
          cell: ({ last_seen_at: at }) => component(Time, { at, ago: true }),
        },
      ],
    }),
  )
}
