import type { AuditEntryView } from '../../api/minipay/audit-schemas.ts'
import { AUDIT_ACTIONS } from '../../domain/audit.ts'
import { api } from '../api.ts'
import { AuditChange } from '../audit-change.ts'
import { startOfDay } from '../format.ts'
import { me } from '../me.ts'
import { zone } from '../preferences.ts'
import { type ListPage, usePages } from '../resource.ts'
import { href, place, type Query } from '../router.ts'
import { a, component, p, span, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import type { Choice } from '../ui/field.ts'
import { anyFilter, clearFilters, type Filter, Filters, filterValues } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { ExportButton, Id, Time } from '../ui/values.ts'

/** `webhook_endpoint.secret_rotated` → `Webhook endpoint: secret rotated`. */
const inWords = (action: string) => sentence(action.replace('.', ': '))

const FILTERS: readonly Filter[] = [
  {
    name: 'action',
    label: 'Action',
    kind: 'select',
    choices: Object.keys(AUDIT_ACTIONS).map((action): Choice => [action, inWords(action)]),
  },
  { name: 'actor', label: 'Who', kind: 'text' },
  { name: 'object', label: 'Object', kind: 'text' },
  { name: 'from', label: 'From', kind: 'date' },
  { name: 'to', label: 'To', kind: 'date' },
]

const ACTORS: Readonly<Record<string, string>> = {
  keyless: 'Without a key',
  cli: 'Command line',
  library: 'Program around the library',
  server: 'MiniPay itself',
}

const COLUMNS: readonly Column<AuditEntryView>[] = [
  { head: 'Time', class: 'side', cell: ({ created_at: at }) => component(Time, { at, ago: true }) },
  {
    head: 'Action',
    class: 'lead',
    cell: ({ action }) =>
      span({ title: AUDIT_ACTIONS[action as keyof typeof AUDIT_ACTIONS] }, inWords(action)),
  },
  { head: 'Who', class: 'second', cell: ({ actor }) => actorOf(actor) },
  { head: 'Object', cell: ({ object }) => (object === null ? null : component(Id, { id: object })) },
  { head: 'Change', class: 'wide', cell: ({ before, after }) => component(AuditChange, { before, after }) },
  {
    head: 'From',
    optional: true,
    cell: ({ address, request_id: id }) => (address === null ? null : span({ title: id ?? '' }, address)),
  },
]

function actorOf(actor: string): VNode {
  const words = ACTORS[actor] ?? (actor === me.value?.key?.id ? 'You' : undefined)
  // Everything that this actor did is one click away.
  return a(
    { class: 'quiet-link', title: actor, href: href('/audit', { actor }) },
    words ?? `${actor.slice(0, 8)}…${actor.slice(-4)}`,
  )
}

/** A day begins and ends in the reader's zone. */
function queryOf(): Query {
  const { from, to, ...rest } = filterValues(FILTERS)
  const inUtc = zone.value === 'UTC'
  return {
    ...rest,
    created_gte: startOfDay(from as string | null, inUtc),
    created_lt: startOfDay(to as string | null, inUtc, 1),
  }
}

export default function Audit(): VNode {
  const query = queryOf()
  const pages = usePages<AuditEntryView>(
    (after, signal) =>
      api.get<ListPage<AuditEntryView>>('/audit', { ...query, limit: 50, starting_after: after }, { signal }),
    ({ id }) => id,
    [place.value.query.toString()],
  )
  const empty = anyFilter(FILTERS)
    ? component(NothingMatches, { onClear: () => clearFilters(FILTERS) })
    : component(
        Empty,
        { title: 'Nothing yet' },
        p(
          {},
          'MiniPay records each change of keys, rules, webhook endpoints and books here, with who made it.',
        ),
      )
  return component(
    Page,
    {
      title: 'Audit log',
      actions: component(ExportButton, { path: '/audit', query }),
    },
    component(Filters, { filters: FILTERS }),
    List<AuditEntryView>({
      ...{
        label: 'Audit log',
        noun: 'entry',
        columns: COLUMNS,
        pages,
        idOf: ({ id }) => id,
        clickable: false,
        empty,
      },
    }),
  )
}
