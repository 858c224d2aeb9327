/** The difference between two texts, for the eye and for screen readers. */
import { useMemo } from 'preact/hooks'
import { plural } from '../format.ts'
import { component, div, em, p, pre, span, type VNode } from '../tags.ts'
import { changesIn, diffLines } from './line-diff.ts'

const SIGN = { same: ' ', removed: '−', added: '+' } as const

/** More lines than these would not be read. */
const MOST_LINES = 2_000

export function Diff({ before, after, label }: { before: string; after: string; label: string }): VNode {
  const changes = useMemo(() => changesIn(diffLines(before, after)), [before, after])
  const sum = (kind: 'removed' | 'added') => changes.filter((line) => line.kind === kind).length
  if (changes.length === 0) return p({ class: 'soft' }, 'Nothing changes.')
  const shown = changes.slice(0, MOST_LINES)
  return div(
    { class: 'diff' },
    p({ class: 'soft' }, `${plural(sum('added'), 'line')} added, ${plural(sum('removed'), 'line')} removed.`),
    pre(
      { tabIndex: 0, role: 'region', 'aria-label': label },
      ...shown.map((line, i) =>
        line.kind === 'gap'
          ? span({ class: 'gap', key: i }, `… ${plural(line.lines, 'line')} …`)
          : span(
              { class: line.kind, key: i },
              line.kind === 'same' ? null : em({ class: 'hidden' }, `${line.kind} `),
              `${SIGN[line.kind]} ${line.text}`,
            ),
      ),
    ),
    shown.length < changes.length ? component(Rest, { lines: changes.length - shown.length }) : null,
  )
}

function Rest({ lines }: { lines: number }): VNode {
  return p({ class: 'soft' }, `${plural(lines, 'more line')} not shown.`)
}
