import { type Found, idOf, MOST_CHARGES, search } from '../../app/search.ts'
import { sendObject } from '../../http/endpoint.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { CHARGE, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { queryValidator } from './parameters.ts'
import { SearchQuery, SearchResults, type SearchResultView } from './search-schemas.ts'
import { timestamp } from './views.ts'

const validQuery = queryValidator(SearchQuery)

type Facts = Partial<Omit<SearchResultView, 'kind' | 'id' | 'matched'>>

/** What a line of results shows of each kind. */
function factsOf(found: Found): Facts {
  switch (found.kind) {
    case 'charge': {
      const { id, status, amount, currency, customer, createdAt } = found.value
      return { transaction_id: id, status, amount, currency, customer, created_at: timestamp(createdAt) }
    }
    case 'refund':
    case 'dispute': {
      const { chargeId, status, amount, currency, customer, createdAt } = found.value
      return {
        transaction_id: chargeId,
        status,
        amount,
        currency,
        customer,
        created_at: timestamp(createdAt),
      }
    }
    case 'attempt': {
      const { chargeId, state, amount, currency, startedAt } = found.value
      return { transaction_id: chargeId, status: state, amount, currency, created_at: timestamp(startedAt) }
    }
    case 'alarm': {
      const { chargeId, state, openedAt } = found.value
      return { transaction_id: chargeId, status: state, created_at: timestamp(openedAt) }
    }
    case 'delivery': {
      const { object, state, createdAt } = found.value
      return { transaction_id: object, status: state, created_at: timestamp(createdAt) }
    }
    case 'event':
      return {
        status: found.value.type,
        created_at: timestamp(found.value.createdAt),
        ...chargeOf(found.value.data),
      }
    default:
      return {}
  }
}

/** The charge of an event's facts; an event of a webhook endpoint has none. */
function chargeOf(data: string): Facts {
  const [, id] = /^\{"charge":\{"id":"(txn_[0-9a-z]+)"/.exec(data) ?? []
  return id === undefined ? {} : { transaction_id: id }
}

const NOTHING: Required<Facts> = {
  ...{ transaction_id: null, status: null, amount: null, currency: null, customer: null, created_at: null },
}

function resultView(found: Found): SearchResultView {
  return { kind: found.kind, id: idOf(found), matched: found.match, ...NOTHING, ...factsOf(found) }
}

const searchEndpoint: Endpoint = {
  id: 'searchObjects',
  method: 'GET',
  url: '/api/v1/search',
  permission: 'any',
  summary: 'Find objects by exactly what you have of them',
  description:
    'Finds an id of any kind, the newest charges of a customer, the object of an Idempotency-Key that is still remembered, what a provider calls by a reference, and the events of a request. Matches are exact. It finds only what the API key may read, in its account and mode.',
  tag: 'Charges',
  query: SearchQuery,
  responses: { 200: { description: 'The objects that were found, perhaps none.', schema: SearchResults } },
  errors: [],
  examples: shows('found', 'A charge, by its id', {
    data: [
      {
        ...{ kind: 'charge', id: CHARGE.id, matched: 'id', transaction_id: CHARGE.id, status: 'succeeded' },
        ...{ amount: CHARGE.amount, currency: CHARGE.currency, customer: CHARGE.customer, created_at: TIME },
      },
    ],
    has_more: false,
  }),
  async handle({ context }, request, reply) {
    const { q } = validQuery(request.query)
    const { permissions } = request.caller
    const about = { context, scope: scopeOf(request), mayRead: permissions.has.bind(permissions) }
    const found = await search(about, q.trim())
    const ofCustomer = found.filter(({ match }) => match === 'customer').length
    return sendObject(reply, { data: found.map(resultView), has_more: ofCustomer === MOST_CHARGES })
  },
}

export const searchEndpoints: readonly Endpoint[] = [searchEndpoint]
