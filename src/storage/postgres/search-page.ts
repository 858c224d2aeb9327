import type { Page, PageQuery, Scope } from '../../ports/store.ts'
import { isGiven, type ListFilter, MOST_SEARCHED } from '../list-filters.ts'
import { type List, pageOf, rangeOf } from './read-page.ts'
import { BY_STATE, SENDING } from './rows.ts'
import type { Sql } from './statements.ts'

/** The condition that an index requires for a value. */
const CONDITIONS: Readonly<Record<string, (value: string) => string>> = {
  charges_by_status: (value) => `listed_status IS NOT NULL AND listed_status = ${value}`,
}

/** The statement that reads columns of some of the rows, in the order of their ids. */
type Branch = (columns: string, limit: string) => string

/**
 * One page by id, by filters of which an index serves the first that has one. The others choose among the rows of a
 * slice, which has at most `MOST_SEARCHED` rows: so a search for one row in a million takes many short statements in
 * place of a long one. Several values of the first filter are as many slices or more, because its index has the rows of
 * each value in order.
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
  const branches = first
    ? [first.value].flat().flatMap((value) => branchesOf(list.name, where, order, first, value, add))
    : [branchOf(list.name, where, order)]
  const most = Math.ceil((query.most ?? MOST_SEARCHED) / branches.length)
  const ends = branches.map((branch) => branch('id', `1 OFFSET ${most - 1}`))
  const ofSlices = [...values]
  // Without other filters, the index chooses every row of the page.
  const size = others.length > 0 ? most : query.limit + 1
  const slices = branches.map((branch) => branch('*', String(size)))
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

/** The rows with a value of the first filter: one branch by its index, and others that the index leaves out. */
function branchesOf(
  table: string,
  where: readonly string[],
  order: string,
  { column, index = '' }: ListFilter,
  value: string | number,
  add: (value: string | number) => string,
): readonly Branch[] {
  const given = add(value)
  const chosen = CONDITIONS[index]?.(given) ?? `${column} = ${given}`
  const branch = branchOf(table, [...where, chosen], order)
  return index === 'charges_by_status' && value === 'processing'
    ? [branch, ...branchesOfFirstCalls(where, order)]
    : [branch]
}

const branchOf =
  (from: string, where: readonly string[], order: string): Branch =>
  (columns, limit) =>
    `(SELECT ${columns} FROM ${from} WHERE ${where.join(' AND ')} ${order} LIMIT ${limit})`

/**
 * The charges whose first call has not ended. They are in no index by status, because most are for a moment: their attempts
 * have the digits of their ids, and are being sent or unknown.
 */
function branchesOfFirstCalls(where: readonly string[], order: string): readonly Branch[] {
  const ofAttempt = where
    .filter((condition) => !condition.startsWith('created_at'))
    .map((condition) => condition.replace(/^id (\S+) (\$\d+)$/, `id $1 'att' || substr($2, 4)`))
  const charge = `(
    SELECT * FROM charges
    WHERE ${where.join(' AND ')} AND id = 'txn' || substr(call.id, 4) AND status = 'processing' AND version = 1
    OFFSET 0) AS charge`
  const calls = [
    `SELECT id FROM ${SENDING} WHERE ${ofAttempt.join(' AND ')} ${order}`,
    `SELECT id FROM attempts WHERE ${ofAttempt.join(' AND ')} AND state = 'unknown' AND ${BY_STATE} ${order}`,
  ]
  return calls.map(
    (call) => (columns, limit) =>
      `(
    SELECT charge.${columns} FROM (${call} OFFSET 0) AS call CROSS JOIN LATERAL ${charge}
    ${order.replace('id', 'call.id')} LIMIT ${limit})`,
  )
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
