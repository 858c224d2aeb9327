import type { Statement } from 'better-sqlite3'
import { type IdPrefix, idFloor } from '../../domain/id.ts'
import type { Page, PageQuery, Scope } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { live } from './rows.ts'

export type Query = Statement<(string | number)[]>
/** The statement of a text, prepared once. Texts are put together from constants here, never from input. */
export type Sql = (text: string) => Query

export function preparing(db: Connection): Sql {
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

/** A column that must equal a value when one is given, and the index that finds it. */
export type Filter = readonly [column: string, value: string | undefined, index: string | undefined]

/** A list of a scope's rows by id: `from` is the table, and `index` finds them when no filter does. */
export type List<Row, T> = {
  readonly prefix: IdPrefix
  readonly columns: string
  readonly from: 'charges' | 'refunds' | 'disputes' | 'attempts' | 'alarms'
  readonly index?: string
  readonly of: (row: Row) => T
}

/** What an index on the rarer values alone asks to be spelled out, before it is used. */
const RARE: Readonly<Record<string, string>> = {
  charges_by_status: `status <> 'succeeded'`,
  attempts_by_state: `state <> 'succeeded'`,
}

/**
 * One page by id, over the index of the first filter that is given: without statistics SQLite would take the
 * primary key and read the whole history. Ids begin with their time, so a range of times is a range of ids.
 */
export function page<Row, T>(
  sql: Sql,
  list: List<Row, T>,
  scope: Scope,
  filters: readonly Filter[],
  query: PageQuery,
): Page<T> {
  const where = ['account_id = ?', 'live = ?']
  const values: (string | number)[] = [scope.accountId, live(scope)]
  let found: string | undefined
  for (const [column, value, by] of filters) {
    if (value === undefined) continue
    where.push(`${column} = ?`)
    values.push(value)
    found ??= by
  }
  const index = found ?? list.index
  if (index && RARE[index]) where.push(RARE[index])
  const range = (condition: string, id: string | undefined) => {
    if (id === undefined) return
    where.push(condition)
    values.push(id)
  }
  const { prefix } = list
  range('id < ?', query.startingAfter)
  range('id > ?', query.endingBefore)
  range('id >= ?', query.createdFrom === undefined ? undefined : idFloor(prefix, query.createdFrom))
  range('id < ?', query.createdUntil === undefined ? undefined : idFloor(prefix, query.createdUntil))
  const backwards = query.endingBefore !== undefined
  const rows = sql(
    `SELECT ${list.columns} FROM ${list.from} ${index ? `INDEXED BY ${index}` : ''}
     WHERE ${where.join(' AND ')} ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  ).all(...values, query.limit + 1) as Row[]
  const { data, hasMore } = cut(rows.map(list.of), query.limit)
  return { data: backwards ? data.toReversed() : data, hasMore }
}

/** One row more than asked was read, to know whether there are more. */
export function cut<T>(rows: T[], limit: number): Page<T> {
  return { data: rows.slice(0, limit), hasMore: rows.length > limit }
}
