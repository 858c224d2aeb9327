import type { Statement } from 'better-sqlite3'
import { type IdPrefix, idFloor } from '../../domain/id.ts'
import type { Page, PageQuery, Scope } from '../../ports/store.ts'
import { type Given, isGiven, type ListFilter, MOST_SEARCHED } from '../list-filters.ts'
import { mergePages } from '../merge-pages.ts'
import type { ListedName, Table } from '../table.ts'
import type { Connection } from './connection.ts'
import type { IdBound } from './id-log.ts'
import { setBackMs } from './read-clock.ts'
import { live } from './rows.ts'

/** Values by position, or, for a text with `?1`, by number. */
export type Query = Statement<(string | number | Readonly<Record<number, string | number | null>>)[]>
/** The statement of a text, prepared once. MiniPay builds the texts from its own constants, never from input. */
export type Sql = (text: string) => Query

export function createStatements(db: Connection): Sql {
  const prepared = new Map<string, Query>()
  return (text) => {
    let statement = prepared.get(text)
    if (!statement) {
      statement = db.prepare<(string | number)[]>(text)
      prepared.set(text, statement)
    }
    return statement
  }
}

/** An optional filter on a column, and the index that serves it; one index may serve several filters. */
export type Filter = readonly [
  column: string,
  value: string | number | undefined,
  index: string | undefined,
  operator?: '<',
]
/** The rows whose ids begin so. */
export type Beginning = { readonly beginning?: string | undefined }

const isShort = (filter: Filter | ListFilter): filter is Filter => Array.isArray(filter)
function filterOf(filter: Filter | ListFilter): ListFilter {
  if (!isShort(filter)) return filter
  const [column, value, index, is] = filter
  return { column, value, ...(index !== undefined && { index }), ...(is && { is }) }
}

/** A list of a scope's rows by id: `from` is the table, and `index` finds them when no filter does. */
export type List<T> = {
  readonly prefix: IdPrefix
  readonly columns: string
  readonly from: ListedName
  readonly index?: string
  /** The column of the row's time; `created_at` unless given. */
  readonly time?: string
  /** The time in an id may differ from that of its row by this much, in ms. */
  readonly marginMs?: number
  readonly of: (row: object) => T
  /** An index that is no index of the table. */
  readonly behind?: IndexBehind
}

/** An index that is written behind: it finds ids by the value of one filter. */
export type IndexBehind = {
  /** Its name in a filter. */
  readonly index: string
  /**
   * The first ids within the bounds, in ascending or descending order. Some may be of rows with another value, or of none.
   */
  ids(
    scope: { readonly accountId: number; readonly live: number },
    value: string,
    bounds: readonly IdBound[],
    ascending: boolean,
    limit: number,
  ): string[]
}

export function listOf<T>({ prefix, name, of }: Table<T>, columns: string): List<T> {
  return { prefix, columns, from: name, of }
}

/** The condition that a partial index requires in the query. */
const RARE: Readonly<Record<string, string>> = {
  charges_by_status: `status <> 'succeeded'`,
  attempts_by_state: `state <> 'succeeded'`,
  attempts_by_transaction: 'substr(id, 5) <> substr(transaction_id, 5)',
  attempts_failed: `(state IN ('declined', 'not_sent') OR state = 'unknown')`,
  webhook_deliveries_open: `state <> 'delivered'`,
  webhook_endpoints_listed: 'deleted_at IS NULL',
}

/**
 * The rows of one window, when an index alone does not choose the rows; between two windows other requests get their
 * turn.
 */
const WINDOW = 2_000
/** A page ends early after this much text in its rows, in characters. */
const MAX_PAGE_CHARS = 256 * 1024

type Condition = readonly [text: string, ...values: (string | number)[]]

/**
 * One page by id, from the index of the first given filter: without statistics SQLite would take the primary key and
 * read the whole history. Ids begin with their time, so a range of times is a range of ids, unless a clock was set
 * back: then an id may contain a later time than its row, and the row's time counts. If the index does not cover a
 * filter, the rows are read in windows, and the page is a promise.
 */
export function page<T extends { readonly id: string }>(
  sql: Sql,
  list: List<T>,
  scope: Scope,
  filters: readonly (Filter | ListFilter)[],
  asked: PageQuery & Beginning,
): Page<T> | Promise<Page<T>> {
  const query = forwards(asked)
  const { most = MOST_SEARCHED } = query
  const given = filters.map(filterOf).filter(isGiven)
  const first = given.find(({ index }) => index !== undefined)
  if (first && typeof first.value === 'object' && first.value.length > 1) {
    // The index has the rows of each value in order, and not those of several.
    const part = { ...asked, most: Math.ceil(most / first.value.length) }
    const rest = given.filter((filter) => filter !== first)
    const each = first.value.map((value) => page(sql, list, scope, [{ ...first, value }, ...rest], part))
    return each.some((found) => found instanceof Promise)
      ? Promise.all(each).then((pages) => mergePages(pages, query))
      : mergePages(each as Page<T>[], query)
  }
  const index = first?.index ?? list.index
  const isServed = (filter: Given) => first !== undefined && filter.index === first.index
  const [indexed, others] = [given.filter(isServed), given.filter((filter) => !isServed(filter))]
  const backwards = query.endingBefore !== undefined
  const ascending = backwards || query.oldestFirst === true
  const own: Condition[] = [['account_id = ?', scope.accountId], ['live = ?', live(scope)], ...equal(indexed)]
  const { behind, marginMs = 0 } = list
  const value = String(first?.value)
  const read =
    behind && behind.index === index
      ? readerBehind(
          sql,
          list,
          (bounds, limit) =>
            behind.ids({ accountId: scope.accountId, live: live(scope) }, value, bounds, ascending, limit),
          own,
          ascending,
        )
      : reader(sql, list, index, own, ascending)
  const late = isTimed(query) ? setBackMs(sql) : 0
  const range = rangeOf(list.prefix, query, late, marginMs)
  const times = late + marginMs > 0 ? timesOf(query, list.time) : []
  const view = ({ rows, ...more }: TakenRows<object>): Page<T> => {
    const data = rows.map(list.of)
    return { data: backwards && !query.oldestFirst ? data.reverse() : data, ...more }
  }
  if (others.length + times.length === 0)
    return view(takeRows(read.rows([], range, query.limit + 1), query.limit))
  return inWindows(read, [...equal(others), ...times], range, query.limit, most).then(view)
}

/** The page after a cursor of a list with the oldest first is read as the page before it of the usual list. */
function forwards(query: PageQuery & Beginning): PageQuery & Beginning {
  const { startingAfter, ...rest } = query
  if (!query.oldestFirst || startingAfter === undefined) return query
  return { ...rest, endingBefore: startingAfter }
}

function equal(filters: readonly Given[]): Condition[] {
  return filters.map(({ column, value, is = '=' }) =>
    typeof value === 'object'
      ? [`${column} IN (${value.map(() => '?').join()})`, ...value]
      : [`${column} ${is} ?`, value],
  )
}

const isTimed = ({ createdFrom, createdUntil }: PageQuery) =>
  createdFrom !== undefined || createdUntil !== undefined

/** By the time of the rows. */
function timesOf({ createdFrom, createdUntil }: PageQuery, column = 'created_at'): Condition[] {
  return [
    ...(createdFrom === undefined ? [] : [[`${column} >= ?`, createdFrom] as const]),
    ...(createdUntil === undefined ? [] : [[`${column} < ?`, createdUntil] as const]),
  ]
}

/** By the ids, whose time is up to `late` ms later than that of their rows, and differs by up to `margin` ms anyway. */
function rangeOf(prefix: IdPrefix, query: PageQuery & Beginning, late: number, margin: number): Condition[] {
  const { startingAfter, endingBefore, createdFrom, createdUntil, beginning } = query
  return [
    ...(beginning === undefined
      ? []
      : [['id >= ?', beginning] as const, ['id < ?', `${beginning}${AFTER_DIGITS}`] as const]),
    ...(startingAfter === undefined ? [] : [['id < ?', startingAfter] as const]),
    ...(endingBefore === undefined ? [] : [['id > ?', endingBefore] as const]),
    ...(createdFrom === undefined ? [] : [['id >= ?', idFloor(prefix, createdFrom - margin)] as const]),
    ...(createdUntil === undefined
      ? []
      : [['id < ?', idFloor(prefix, createdUntil + late + margin)] as const]),
  ]
}

/** A character after those of ids. */
const AFTER_DIGITS = '{'

/** Reads the rows of a scope that an index chooses: those within a range, in its order. */
type Reader = {
  rows(others: readonly Condition[], range: readonly Condition[], limit: number): IterableIterator<object>
  /** The id this many rows further; undefined if there are fewer. */
  idAfter(range: readonly Condition[], rows: number): string | undefined
  readonly backwards: boolean
}

const textOf = (conditions: readonly Condition[]) => conditions.map(([text]) => text).join(' AND ')
const valuesOf = (conditions: readonly Condition[]) => conditions.flatMap(([, ...values]) => values)

/** `own` are the conditions on the index apart from the range. */
function reader<T>(
  sql: Sql,
  list: List<T>,
  index: string | undefined,
  own: readonly Condition[],
  backwards: boolean,
): Reader {
  const from = `FROM ${list.from} ${index ? `INDEXED BY ${index}` : ''}`
  const rare = index && RARE[index] ? ` AND ${RARE[index]}` : ''
  const order = `ORDER BY id ${backwards ? 'ASC' : 'DESC'}`
  const where = (conditions: readonly Condition[]) => `WHERE ${textOf(conditions)}${rare}`
  return {
    backwards,
    rows(others, range, limit) {
      const conditions = [...own, ...others, ...range]
      const text = `SELECT ${list.columns} ${from} ${where(conditions)} ${order} LIMIT ?`
      return sql(text).iterate(...valuesOf(conditions), limit) as IterableIterator<object>
    },
    idAfter(range, rows) {
      const conditions = [...own, ...range]
      const row = sql(`SELECT id ${from} ${where(conditions)} ${order} LIMIT 1 OFFSET ?`).get(
        ...valuesOf(conditions),
        rows,
      ) as { id: string } | undefined
      return row?.id
    },
  }
}

/** By an index that is written behind: first the ids, then their rows, of which `own` are conditions. */
function readerBehind<T>(
  sql: Sql,
  list: List<T>,
  find: (bounds: readonly IdBound[], limit: number) => string[],
  own: readonly Condition[],
  backwards: boolean,
): Reader {
  const ids = (range: readonly Condition[], limit: number) =>
    find(
      range.map(([text, id]) => ({ is: text.split(' ')[1] as IdBound['is'], id: String(id) })),
      limit,
    )
  // CROSS JOIN keeps the order of the ids. They are a subquery, because json_each has columns with names of ours.
  const from = `FROM (SELECT value AS wanted FROM json_each(?)) CROSS JOIN ${list.from} ON id = wanted`
  const after = backwards ? 'id > ?' : 'id < ?'
  return {
    backwards,
    *rows(others, range, limit) {
      const conditions = [...own, ...others]
      const text = `SELECT ${list.columns} ${from} WHERE ${textOf(conditions)} LIMIT ?`
      for (let [rest, missing] = [range, limit]; missing > 0; ) {
        const most = others.length === 0 ? missing : WINDOW
        const wanted = ids(rest, most)
        const rows = sql(text).all(JSON.stringify(wanted), ...valuesOf(conditions), missing) as object[]
        yield* rows
        missing -= rows.length
        if (wanted.length < most) return
        rest = [...range, [after, wanted.at(-1) as string]]
      }
    },
    idAfter: (range, rows) => ids(range, rows + 1)[rows],
  }
}

/**
 * A page of rows that an index chooses only in part: `range` are conditions on the index, `others` are not.
 * A search for one row in a million delays no other request, and ends after `most` rows.
 */
async function inWindows(
  read: Reader,
  others: readonly Condition[],
  range: readonly Condition[],
  limit: number,
  most: number,
): Promise<TakenRows<object>> {
  const [last, next] = read.backwards ? ['id <= ?', 'id > ?'] : ['id >= ?', 'id < ?']
  const found: object[] = []
  const size = Math.min(WINDOW, most)
  let searched = 0
  for (let rest = range; ; ) {
    const end = read.idAfter(rest, size)
    const window = end === undefined ? rest : [...rest, [last, end] as const]
    const missing = limit - found.length
    const { rows, hasMore } = takeRows(read.rows(others, window, missing + 1), missing)
    found.push(...rows)
    if (hasMore || end === undefined) return { rows: found, hasMore }
    searched += size
    if (searched >= most) return { rows: found, hasMore: true, next: end }
    rest = [...rest.filter(([text]) => text !== next), [next, end]]
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

export type TakenRows<Row> = { readonly rows: Row[]; readonly hasMore: boolean; readonly next?: string }

/**
 * The first rows, up to the limit or a page's text, and whether there are more: the query read one row more than the
 * limit.
 */
export function takeRows<Row>(rows: Iterable<Row>, limit: number): TakenRows<Row> {
  const pageRows: Row[] = []
  let chars = 0
  for (const row of rows) {
    for (const value of Object.values(row as object)) if (typeof value === 'string') chars += value.length
    if (pageRows.length === limit || (pageRows.length > 0 && chars > MAX_PAGE_CHARS))
      return { rows: pageRows, hasMore: true }
    pageRows.push(row)
  }
  return { rows: pageRows, hasMore: false }
}

/** A page of rows that are returned as they are read. */
export function pageOf<T>(found: Iterable<T>, limit: number): Page<T> {
  const { rows, hasMore } = takeRows(found, limit)
  return { data: rows, hasMore }
}
