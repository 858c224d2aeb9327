/** What an administrative action changed, in a few words or whole. */

import { plural } from './format.ts'
import { code, component, dd, details, div, dl, dt, span, summary, type VNode } from './tags.ts'
import { Later } from './ui/page.ts'

type JsonProps = { value: unknown; label: string }
const loadJson = () => import('./ui/json.ts').then(({ Json }) => Json)

type Facts = Readonly<Record<string, unknown>>
export type Change = { readonly field: string; readonly before: string; readonly after: string }

/** Longer values are shown in the JSON alone. */
const LONG = 120

const textOf = (value: unknown) =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)

/** The fields that differ. Without a former object, every field that the new one has. */
export function changesOf(before: object | null, after: object | null): readonly Change[] {
  const [from, to] = [(before ?? {}) as Facts, (after ?? {}) as Facts]
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((field) => {
    const change = { field, before: textOf(from[field]), after: textOf(to[field]) }
    return change.before === change.after ? [] : [change]
  })
}

/** A line that opens: which fields changed, from what to what. */
export function AuditChange({
  before,
  after,
}: {
  before: object | null
  after: object | null
}): VNode | null {
  if (before === null && after === null) return null
  const changes = changesOf(before, after)
  const [only] = changes
  const words =
    before === null
      ? plural(changes.length, 'field')
      : changes.length === 1 && only
        ? only.field
        : plural(changes.length, 'change')
  return details(
    { class: 'change' },
    summary({}, words),
    dl(
      {},
      ...changes
        .filter(isShort)
        .map((change) => component(Row, { change, isNew: before === null, key: change.field })),
    ),
    changes.every(isShort)
      ? null
      : component(Later<JsonProps>, {
          load: loadJson,
          props: { value: { before, after }, label: 'Whole objects' },
        }),
  )
}

function isShort({ before, after }: Change): boolean {
  return before.length <= LONG && after.length <= LONG
}

function Row({ change: { field, before, after }, isNew }: { change: Change; isNew: boolean }): VNode {
  return div(
    {},
    dt({}, field),
    dd(
      {},
      isNew ? null : code({ class: 'before' }, before === '' ? '–' : before),
      isNew ? null : span({ class: 'soft' }, ' → '),
      code({}, after === '' ? '–' : after),
    ),
  )
}
