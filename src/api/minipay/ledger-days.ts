import { Refused, refuse } from '../../http/errors.ts'
import { DEFAULT_LIMIT, day, dayIn } from '../../http/paging.ts'
import type { LedgerDayPlace, LedgerDayQuery, LedgerDay as StoredDay } from '../../ports/store-ledger.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { shows } from '../openapi/examples.ts'
import { exact } from './exact.ts'
import { DaysQuery, LedgerDay, type LedgerDayView } from './ledger-schemas.ts'
import { listResponse, sendList } from './list-response.ts'
import { currencyFilter, page } from './lists.ts'
import { queryValidator } from './parameters.ts'

const validQuery = queryValidator(DaysQuery)

const DAY_MS = 86_400_000
const dayName = (days: number) => new Date(days * DAY_MS).toISOString().slice(0, 10)

const idOf = ({ day: days, account, currency }: LedgerDayPlace) => `${dayName(days)}/${account}/${currency}`

const PLACE = /^(?<date>[^/]+)\/(?<account>.+)\/(?<currency>[a-z]{3})$/

/** The place in the list. Throws `Refused`. */
function placeOf(id: string): LedgerDayPlace {
  const { date = '', account = '', currency = '' } = PLACE.exec(id)?.groups ?? {}
  const days = dayIn(date)
  if (days !== undefined) return { day: days, account, currency }
  throw new Refused(
    refuse(
      'cursor_invalid',
      'The parameter starting_after must be the id of an object of this list, such as 2026-11-23/merchant/usd.',
      'starting_after',
    ),
  )
}

function dayView(row: StoredDay): LedgerDayView {
  return {
    id: idOf(row),
    day: dayName(row.day),
    account: row.account,
    currency: row.currency,
    entries: row.entries,
    debits: exact(row.debits),
    credits: exact(row.credits),
    closing_balance: exact(row.balance),
  }
}

export const listLedgerDaysEndpoint: Endpoint = {
  id: 'listLedgerDays',
  method: 'GET',
  url: '/api/v1/ledger/days',
  permission: 'reports:read',
  summary: "List the ledger's accounts by day, newest first",
  description:
    'The debits and credits of each account and currency on each day, and its balance when the day ended. A day without entries of an account is absent. Days begin in UTC. A response takes as long with a million charges as with a thousand.',
  tag: 'Ledger',
  query: DaysQuery,
  responses: listResponse('A page of days.', page(LedgerDay)),
  errors: ['cursor_invalid', 'currency_invalid'],
  examples: shows('page', 'A page of days', {
    data: [
      { account: 'merchant', debits: 0, credits: 2500, closing_balance: -2500 },
      { account: 'provider:sandbox', debits: 2500, credits: 0, closing_balance: 2500 },
    ].map(({ account, ...totals }) => ({
      ...{ id: `2026-11-23/${account}/usd`, day: '2026-11-23', account, currency: 'usd', entries: 1 },
      ...totals,
    })),
    has_more: false,
  }),
  async handle(services, request, reply) {
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const currency = currencyFilter(query.currency)
    const [from, to] = [day('from', query.from), day('to', query.to)]
    const storeQuery: LedgerDayQuery = {
      limit: query.limit ?? DEFAULT_LIMIT,
      ...(query.starting_after !== undefined && { after: placeOf(query.starting_after) }),
      ...(query.account !== undefined && { account: query.account }),
      ...(currency !== undefined && { currency }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: LedgerDay, view: dayView },
      read: (next) => services.context.store.ledgerDays(scope, next),
      cursor: ({ day: of, account, currency: its }): LedgerDayPlace => ({ day: of, account, currency: its }),
      following: (after) => ({ after }),
    })
  },
}
