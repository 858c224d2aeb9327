import { idFloor } from '../../domain/id.ts'
import type { Page, PageQuery, Scope } from '../../ports/store.ts'
import { selectList, type Table } from '../table.ts'
import { setBackMs } from './read-clock.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** An optional filter on a column; `rare` is the condition of the partial index that serves it. */
export type Filter = readonly [
  column: string,
  value: string | number | undefined,
  rare?: string | undefined,
  operator?: '<',
]
/** The rows whose ids begin so. */
export type Beginning = { readonly beginning?: string | undefined }
/** A character after those of ids. */
const AFTER_DIGITS = '{'

/** A list of a scope's rows by id. */
export type List<T> = Pick<Table<T>, 'prefix' | 'name' | 'of'> & {
  readonly columns: string
  /** The column of the row's time; `created_at` unless given. */
  readonly time?: string
  /** The time in an id may differ from that of its row by this much, in ms. */
  readonly marginMs?: number
  /** Lists only these rows. */
  readonly where?: string
  /** In place of the table. */
  readonly from?: string
}

export function listOf<T>(table: Table<T>): List<T> {
  return { ...table, columns: selectList(table) }
}

/**
 * One page by id. Ids begin with their time, so a range of times is a range of ids, unless a clock was set back: then
 * an id may contain a later time than its row, and the row's time counts.
 */
export async function page<T>(
  sql: Sql,
  list: List<T>,
  scope: Scope,
  filters: readonly Filter[],
  query: PageQuery & Beginning,
): Promise<Page<T>> {
  const { values, where, given } = await rangeOf(sql, list, scope, query)
  for (const [column, value, rare, operator = '='] of filters) {
    given(`${column} ${operator}`, value)
    if (value !== undefined && rare) where.push(rare)
  }
  const { oldestFirst = false } = query
  const backwards = query.endingBefore !== undefined
  values.push(query.limit + 1)
  const { rows } = await sql(
    `SELECT ${list.columns} FROM ${list.from ?? list.name}
     WHERE ${where.join(' AND ')} ORDER BY id ${backwards || oldestFirst ? 'ASC' : 'DESC'} LIMIT $${values.length}`,
    values,
  )
  const { data, hasMore } = pageOf(rows.map(list.of), query.limit)
  return { data: backwards ? data.toReversed() : data, hasMore }
}

/** The conditions that all lists have: of the scope, of the cursor and of the times. */
export async function rangeOf<T>(sql: Sql, list: List<T>, scope: Scope, query: PageQuery & Beginning) {
  const where = ['account_id = $1', 'live = $2', ...(list.where ? [list.where] : [])]
  const values: (string | number)[] = [scope.accountId, live(scope)]
  const given = (condition: string, value: string | number | undefined) => {
    if (value === undefined) return
    values.push(value)
    where.push(`${condition} $${values.length}`)
  }
  const { prefix, marginMs = 0, time = 'created_at' } = list
  const { beginning, createdFrom: from, createdUntil: until } = query
  given(query.oldestFirst ? 'id >' : 'id <', query.startingAfter)
  given('id >', query.endingBefore)
  given('id >=', beginning)
  given('id <', beginning === undefined ? undefined : `${beginning}${AFTER_DIGITS}`)
  const late = from === undefined && until === undefined ? 0 : await setBackMs(sql)
  given('id >=', from === undefined ? undefined : idFloor(prefix, from - marginMs))
  given('id <', until === undefined ? undefined : idFloor(prefix, until + late + marginMs))
  if (late + marginMs > 0) {
    given(`${time} >=`, from)
    given(`${time} <`, until)
  }
  return { values, where, given }
}

/** The query reads one row more than requested, to find out whether there are more. */
export function pageOf<T>(rows: T[], limit: number): Page<T> {
  return { data: rows.slice(0, limit), hasMore: rows.length > limit }
}
