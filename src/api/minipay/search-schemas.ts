/** The schemas of the search. */
import { MATCHES } from '../../app/search.ts'
import { LIMITS } from '../../domain/limits.ts'
import {
  array,
  boolean,
  named,
  nullable,
  object,
  oneOf,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { amount, chargeId, currency, customer, time } from './fields.ts'

const KINDS = [
  ...['charge', 'refund', 'attempt', 'dispute', 'alarm', 'event', 'delivery'],
  ...['webhook_endpoint', 'webhook_replay', 'api_key', 'audit_entry'],
]

export const SearchQuery = strict({
  q: string({
    minLength: 1,
    maxLength: LIMITS.text,
    description:
      'An id of any kind, a customer, an Idempotency-Key, a reference of a provider, or a request id.',
    examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
  }),
})

const SearchResult = named(
  'SearchResult',
  object({
    kind: oneOf(KINDS, { description: 'The kind of the object.', examples: ['charge'] }),
    id: string({ description: 'The id of the object.', examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'] }),
    matched: oneOf(MATCHES, { description: 'What the text is to the object.' }),
    transaction_id: nullable({ ...chargeId, description: 'The id of the charge that it belongs to, or is.' }),
    status: nullable(
      string({ description: 'Its status, or the type of an event.', examples: ['succeeded'] }),
    ),
    amount: nullable({ ...amount, description: 'Its amount, in minor units.' }),
    currency: nullable(currency),
    customer: nullable(customer),
    created_at: nullable({ ...time, description: 'When it was made.' }),
  }),
  'An object that the text names.',
)
export type SearchResultView = Static<typeof SearchResult>

export const SearchResults = named(
  'SearchResultList',
  object({
    data: { ...array(SearchResult), description: 'The objects, the most likely first.' },
    has_more: {
      ...boolean(),
      description: 'True when the customer has more charges: list them by `customer`.',
    },
  }),
  'What a search found.',
)
