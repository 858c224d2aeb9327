/** Parameters and pages of lists. */

import type { IdPrefix } from '../../domain/id.ts'
import { CURRENCY_WANTED } from '../../domain/limits.ts'
import { parseCurrency } from '../../domain/money.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { checkCursor, createdRange, DEFAULT_LIMIT } from '../../http/paging.ts'
import {
  array,
  boolean,
  componentOf,
  named,
  object,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import type { PageQuery } from '../../ports/store.ts'
import {
  amount,
  createdFilters,
  currency,
  customer,
  declineCode,
  endingBefore,
  limit,
  listFormat,
  startingAfter,
} from './fields.ts'
import { currencyRefused } from './parameters.ts'

export const listParameters = {
  limit,
  starting_after: startingAfter,
  ending_before: endingBefore,
  customer: optional(customer),
  currency: optional(currency),
  ...createdFilters,
  ...listFormat,
}

const ListQuery = strict(listParameters)
/** The parameters that the lists of charges and refunds have in common. */
export type ListQuery = Static<typeof ListQuery>

/**
 * The store's query from a list's query string. `exists` tells whether the list has an object with the
 * cursor's id. Throws `Refused` for a bad cursor, currency or time.
 */
export async function pageQuery(
  prefix: IdPrefix,
  query: ListQuery,
  exists: (id: string) => Promise<boolean>,
): Promise<PageQuery> {
  const { starting_after: startingAfter, ending_before: endingBefore, customer } = oneCursor(query)
  await checkCursor('starting_after', startingAfter, prefix, exists)
  await checkCursor('ending_before', endingBefore, prefix, exists)
  const currency = currencyFilter(query.currency)
  return {
    limit: query.limit ?? DEFAULT_LIMIT,
    ...(startingAfter !== undefined && { startingAfter }),
    ...(endingBefore !== undefined && { endingBefore }),
    ...(customer !== undefined && { customer }),
    ...(currency !== undefined && { currency }),
    ...createdRange(query),
  }
}

/** The query. Throws `Refused` if it has both cursors. */
export function oneCursor<T extends { readonly starting_after?: string; readonly ending_before?: string }>(
  query: T,
): T {
  if (query.starting_after === undefined || query.ending_before === undefined) return query
  throw new Refused(
    refuse('cursor_invalid', 'Give starting_after or ending_before, not both.', 'ending_before'),
  )
}

/** The filter by status of a list: one, or several. */
export const statusFilter = (statuses: readonly string[]) =>
  optional(
    string({
      description: `Only objects with this status, or with one of several that commas separate: ${statuses.map((one) => `\`${one}\``).join(', ')}.`,
      examples: [statuses.slice(0, 2).join()],
    }),
  )

/** The statuses in such a filter. Throws `Refused` for one that the list does not have. */
export function statusesIn<T extends string>(
  text: string | undefined,
  statuses: readonly T[],
): readonly T[] | undefined {
  if (text === undefined) return undefined
  const known = new Set<string>(statuses)
  const asked = [...new Set(text.split(','))]
  if (asked.every((status): status is T => known.has(status))) return asked
  const message = `The parameter status must be one of ${statuses.join(', ')}, or several of them, separated by commas.`
  throw new Refused(refuse('parameter_invalid', message, 'status'))
}

/** Filters of charges and refunds that have no index of their own. */
export const searched = {
  decline_code: optional({ ...declineCode, minLength: 1, description: 'Declined with this code.' }),
  amount_gte: optional({ ...amount, description: 'Of at least this amount, in minor units.' }),
  amount_lte: optional({ ...amount, description: 'Of at most this amount, in minor units.' }),
}
type Searched = Static<ReturnType<typeof strict<typeof searched>>>

/** The same for the store. */
export function searchedQuery({ decline_code: declineCode, amount_gte: from, amount_lte: to }: Searched) {
  return {
    ...(declineCode !== undefined && { declineCode }),
    ...(from !== undefined && { amountFrom: from }),
    ...(to !== undefined && { amountTo: to }),
  }
}

/** The lower-case code of a currency to filter by. Throws `Refused` if ISO 4217 does not list it. */
export function currencyFilter(code: string | undefined): string | undefined {
  if (code === undefined) return undefined
  const currency = parseCurrency(code)
  if (currency === undefined) throw currencyRefused(`The parameter currency must ${CURRENCY_WANTED}.`)
  return currency
}

/** The schema of a page of such objects. */
export const page = <T>(item: Schema<T>) => {
  const list = object({
    data: { ...array(item), description: 'The objects of this page.' },
    has_more: { ...boolean(), description: 'True when there are more objects after this page.' },
    next_cursor: optional(
      string({
        description:
          'The `starting_after` of the next page, or its `ending_before` if you gave that. Present if the page ended early, perhaps without an object, because no index serves its filters: MiniPay then looks at 10,000 objects a page. Without it, the cursor is the last object.',
        examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
      }),
    ),
  })
  const name = componentOf(item)?.name
  return named(`${name}List`, list, `A page of \`${name}\` objects.`)
}
