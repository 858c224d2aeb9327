import type { Page, PageQuery, Scope } from '../../ports/store.ts'
import { isGiven, type ListFilter, MOST_SEARCHED } from '../list-filters.ts'
import { type List, pageOf, rangeOf } from './read-page.ts'
import type { Sql } from './statements.ts'

/** The condition that a partial index requires in the query. */
const RARE: Readonly<Record<string, string>> = { charges_by_status: `status <> 'succeeded'` }

/**
 * One page by id, by filters of which an index serves the first that has one. The others choose among the rows of a
 * slice, which has at most `MOST_SEARCHED` rows: so a search for one row in a million takes many short statements in
 * place of a long one. Several values of the first filter are as many slices, because its index has the rows of each
 * value in order.
 */
export async function searchPage<T extends { readonly id: string }>(
  sql: Sql,
  list: List<T>,
  scope: Scope,
  filters: readonly ListFilter[],
  query: PageQuery,
): Promise<Page<T>> {
  const { values, where } = await rangeOf(sql, list, scope, query)
  const add = (value: string | number) => `$${values.push(value)}`
  const given = filters.filter(isGiven)
  const first = given.find(({ index }) => index !== undefined)
  const others = given.filter((filter) => filter !== first)
  const { oldestFirst = false } = query
  const backwards = query.endingBefore !== undefined && !oldestFirst
  const ascending = backwards || oldestFirst
  const order = `ORDER BY id ${ascending ? 'ASC' : 'DESC'}`
  const own = [...where, ...(first?.index && RARE[first.index] ? [RARE[first.index]] : [])].join(' AND ')
  const branches = first
    ? [first.value].flat().map((value) => `${own} AND ${first.column} = ${add(value)}`)
    : [own]
  const most = Math.ceil((query.most ?? MOST_SEARCHED) / branches.length)
  const ends = branches.map(
    (branch) => `(SELECT id FROM ${list.name} WHERE ${branch} ${order} LIMIT 1 OFFSET ${most - 1})`,
  )
  const ofSlices = [...values]
  // Without other filters, the index chooses every row of the page.
  const size = others.length > 0 ? most : query.limit + 1
  const slices = branches.map(
    (branch) => `(SELECT * FROM ${list.name} WHERE ${branch} ${order} LIMIT ${size})`,
  )
  const conditions = others.map(({ column, value, is = '=' }) =>
    typeof value === 'object' ? `${column} IN (${value.map(add).join()})` : `${column} ${is} ${add(value)}`,
  )
  const { rows } = await sql(
    `SELECT ${list.columns} FROM (${slices.join(' UNION ALL ')}) slice
     ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} ${order} LIMIT ${add(query.limit + 1)}`,
    values,
  )
  const found = rows.map(list.of)
  const view = ({ data, ...more }: Page<T>): Page<T> => ({
    data: backwards ? data.toReversed() : data,
    ...more,
  })
  // A slice that ended hides what follows its end, even if another one filled the page.
  const isWhole = found.length > query.limit && branches.length === 1
  if (others.length === 0 || isWhole) return view(pageOf(found, query.limit))
  const end = await firstEnd(sql, ends, ofSlices, ascending)
  if (end === undefined) return view(pageOf(found, query.limit))
  const kept = found.filter(({ id }) => (ascending ? id <= end : id >= end))
  if (kept.length > query.limit) return view(pageOf(kept, query.limit))
  return view({ data: kept, hasMore: true, next: end })
}

/** The end of the slice that ends first; undefined if each has all rows that there are. */
async function firstEnd(
  sql: Sql,
  ends: readonly string[],
  values: readonly (string | number)[],
  ascending: boolean,
): Promise<string | undefined> {
  const first = ascending ? 'least' : 'greatest'
  const { rows } = await sql(`SELECT ${first}(${ends.join()}) AS id`, [...values])
  return (rows[0]?.['id'] as string | null | undefined) ?? undefined
}
