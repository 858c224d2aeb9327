/** The history of the rules, and one version of it. */
import type { RuleSetVersionView, RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { api } from '../api.ts'
import { showJson } from '../json.ts'
import { can } from '../me.ts'
import { type ListPage, usePages, useResource } from '../resource.ts'
import { go, href } from '../router.ts'
import { a, button, component, fragment, p, span, type VNode } from '../tags.ts'
import { Card, Details } from '../ui/card.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { Json } from '../ui/json.ts'
import { type Column, List } from '../ui/table.ts'
import { Time } from '../ui/values.ts'
import { Author } from './author.ts'
import { Diff } from './diff.ts'
import { startDraft } from './draft.ts'
import { showReset } from './publish.ts'

const COLUMNS: readonly Column<RuleSetVersionView>[] = [
  {
    ...{ head: 'Version', class: 'lead' },
    cell: ({ version }) => a({ href: href('/routing', { version }) }, `Version ${version}`),
  },
  {
    head: 'Published',
    class: 'side',
    cell: ({ created_at: at }) => component(Time, { at, style: 'minute', ago: true }),
  },
  { head: 'By', cell: ({ author }) => component(Author, { author }) },
  {
    ...{ head: 'Note', class: 'wide' },
    cell: ({ note, built_in: isBuiltIn }) => note ?? (isBuiltIn ? 'Back to the built-in rules' : ''),
  },
]

export function History({ version }: { version: number }): VNode {
  const pages = usePages(
    (before) => api.get<ListPage<RuleSetVersionView>>('/routing/versions', { limit: 20, before }),
    (row) => String(row.version),
    [version],
  )
  return component(
    Card,
    { title: 'History' },
    List({
      ...{ pages, noun: 'version', label: 'Versions of the rules', columns: COLUMNS },
      idOf: (row) => String(row.version),
      empty: component(Empty, { title: 'No rules were published yet' }),
    }),
  )
}

/** One version, and what restoring it would change. */
export function Version({ number, current }: { number: string; current: RuleSetView }): VNode {
  const resource = useResource(
    () => api.get<RuleSetView>(`/routing/versions/${encodeURIComponent(number)}`),
    [number],
  )
  return component(
    Card,
    { title: `Version ${number}`, aside: a({ href: href('/routing') }, 'Close') },
    component(Loaded<RuleSetView>, { resource, show: (old) => component(Old, { old, current }) }),
  )
}

function Old({ old, current }: { old: RuleSetView; current: RuleSetView }): VNode {
  const text = showJson(old.document)
  const restore = () => {
    if (old.built_in) return showReset(current.version)
    startDraft(current, text, `Restore version ${old.version}.`)
    go('/routing', { edit: 1 })
  }
  const isCurrent = old.version === current.version
  return fragment(
    component(Details, {
      items: [
        [
          'Published',
          old.created_at === null ? null : component(Time, { at: old.created_at, style: 'long' }),
        ],
        ['By', component(Author, { author: old.author })],
        ['Note', old.note],
      ],
    }),
    isCurrent
      ? p({}, 'These rules are in force.')
      : fragment(
          p({}, 'What restoring it would change:'),
          component(Diff, { before: showJson(current.document), after: text, label: 'Changes of a restore' }),
        ),
    isCurrent || !can('routing:write')
      ? span({})
      : button({ type: 'button', class: 'button', onClick: restore }, `Restore version ${old.version}…`),
    component(Json, { value: old.document, label: 'Rules as JSON' }),
  )
}
