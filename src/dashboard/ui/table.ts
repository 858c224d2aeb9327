import { count, plural } from '../format.ts'
import { density } from '../preferences.ts'
import type { Pages } from '../resource.ts'
import {
  button,
  type ComponentChildren,
  caption,
  component,
  div,
  p,
  table,
  tbody,
  td,
  th,
  thead,
  tr,
  type VNode,
} from '../tags.ts'
import { TEXT } from '../texts.ts'
import { Empty, Failure, Skeleton } from './empty.ts'

export type Column<T> = {
  readonly head: string
  readonly cell: (row: T) => ComponentChildren
  /**
   * `num` aligns to the right; `wide` takes the space that is left and cuts its text; `action` has buttons. On phones,
   * `lead` and `side` are the ends of the first line of a row, `second` and `when` of the second, `ref` and `action` of the
   * last; each other cell is a line with its label.
   */
  readonly class?: string
  /** Left out while no row has a value in it. */
  readonly optional?: boolean
}

type TableProps<T> = {
  /** Names the table for screen readers. */
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  idOf: (row: T) => string
  /** Clicks anywhere in the row follow the first link of the row, unless they hit a control or select text. */
  clickable?: boolean
}

/** A table that scrolls in itself when it is too wide, can be reached by the keyboard, and is a list on phones. */
export function Table<T>({ label, columns: all, rows, idOf, clickable = true }: TableProps<T>): VNode {
  const hasValue = (value: ComponentChildren) => value !== null && value !== ''
  const columns = all.filter(({ optional, cell }) => !optional || rows.some((row) => hasValue(cell(row))))
  return div(
    { class: `table ${density.value}`, role: 'region', 'aria-label': label, tabIndex: 0 },
    table(
      {},
      caption({ class: 'hidden' }, label),
      thead(
        {},
        tr({}, ...columns.map(({ head, class: name }) => th({ scope: 'col', class: name, key: head }, head))),
      ),
      tbody(
        {},
        ...rows.map((row) =>
          tr(
            {
              key: idOf(row),
              'data-row': idOf(row),
              class: clickable ? 'clickable' : '',
              ...(clickable && { onClick: open }),
            },
            ...columns.map(({ head, cell, class: name }) =>
              td({ class: name, key: head, 'data-label': head }, cell(row)),
            ),
          ),
        ),
      ),
    ),
  )
}

function open(event: MouseEvent): void {
  const { target, currentTarget } = event
  if (!(target instanceof Element) || !(currentTarget instanceof Element)) return
  if (target.closest('a, button, input, select, label, dialog') || String(getSelection()) !== '') return
  const link = currentTarget.querySelector('a')
  // A copy of the event, so that Ctrl opens a new tab as on a link.
  link?.dispatchEvent(new MouseEvent('click', event))
}

/** A search that no index serves looks at so many rows a page. */
function NotYet(): VNode {
  return component(Empty, { title: 'Nothing among the newest that were searched' }, p({}, TEXT.searchedSoFar))
}

/** `7 new payments`, `50+ new payments`. */
export function newerWords(newer: number, more: boolean, noun: string): string {
  const several = `new ${noun.replace(/([^aeo])y$/, '$1ie')}s`
  return more ? `${count(newer)}+ ${several}` : plural(newer, `new ${noun}`, several)
}

type ListProps<T> = Omit<TableProps<T>, 'rows'> & {
  pages: Pages<T>
  /** A noun for "7 new payments". */
  noun: string
  /** Shown when the list is empty. */
  empty: VNode
}

/** A list by cursor: new rows wait behind a button, more rows follow behind another. */
export function List<T>({ pages, noun, empty, ...rest }: ListProps<T>): VNode {
  const { data, error, loading, rows, hasMore, more, loadingMore, newer, moreNewer, reload } = pages
  const failure = error.value ? component(Failure, { error: error.value, onRetry: reload }) : null
  if (data.value === undefined) return failure ?? component(Skeleton, { lines: 8 })
  return div(
    { class: loading.value ? 'stale' : 'fresh', 'aria-busy': loading.value },
    newer.value > 0
      ? button(
          { type: 'button', class: 'newer', onClick: reload },
          newerWords(newer.value, moreNewer.value, noun),
        )
      : null,
    failure,
    rows.length > 0 ? Table({ ...rest, rows }) : hasMore ? component(NotYet, {}) : empty,
    hasMore
      ? div(
          { class: 'more' },
          button(
            { type: 'button', class: 'button', disabled: loadingMore.value, onClick: more },
            loadingMore.value
              ? TEXT.loading
              : data.value.next_cursor === undefined
                ? TEXT.more
                : TEXT.further,
          ),
        )
      : null,
  )
}
