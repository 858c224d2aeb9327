/** The fields that requests and responses share. */
import { LIMITS } from '../../domain/limits.ts'
import { MAX_AMOUNT } from '../../domain/money.ts'
import {
  integer,
  named,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  strict,
  string,
} from '../../http/schema.ts'

export const amount = integer({
  minimum: 1,
  maximum: MAX_AMOUNT,
  description: 'Minor units of the currency: cents for usd, whole yen for jpy.',
  examples: [2500],
})

export const sum = { ...amount, minimum: 0, examples: [0] }
export const count = integer({ minimum: 0, examples: [1] })

export const currency = string({
  minLength: 3,
  maxLength: 3,
  description: 'ISO 4217 code. Requests accept either case; responses have lower case.',
  examples: ['usd'],
})

export const customer = string({
  minLength: 1,
  maxLength: LIMITS.text,
  description: 'Your own id of the customer.',
  examples: ['cus_42'],
})

export const description = string({ maxLength: LIMITS.description, description: 'Free text.' })

export const metadata = named(
  'Metadata',
  record('^[^\\\\]{1,40}$', string({ maxLength: LIMITS.metadata.value }), {
    maxProperties: LIMITS.metadata.pairs,
    description:
      'Up to 50 pairs of your own: keys of 1 to 40 characters without a backslash, string values of up to 500.',
    examples: [{ order: '1234' }],
  }),
)

export const time = string({ format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] })

const id = (prefix: string, what: string) =>
  string({ description: `The id of the ${what}.`, examples: [`${prefix}_01kasw5v8g000ne3r5yx2tb4qd`] })

export const chargeId = id('txn', 'charge')
export const refundId = id('re', 'refund')
export const eventId = id('evt', 'event')
export const deliveryId = id('dlv', 'delivery')
export const attemptId = id('att', 'attempt')
export const disputeId = id('dp', 'dispute')
export const alarmId = id('alm', 'alarm')
export const auditId = id('aud', 'entry')
export const keyId = id('key', 'key')
export const accountId = id('acct', 'account')
export const sessionId = id('ses', 'session')
export const endpointId = id('we', 'webhook endpoint')

export const epoch = string({
  description: 'The epoch that the sequence belongs to. A restored database begins a new one.',
  examples: ['ep_9f86d081884c7d65'],
})

export const sequence = integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const limit = optional(
  integer({ minimum: 1, maximum: 100, default: 20, description: 'The most objects that a page may have.' }),
)

export const startingAfter = optional(
  string({ description: 'The last id of one page: the next page has older objects.' }),
)

export const endingBefore = optional(
  string({ description: 'The first id of one page: the page before it has newer objects.' }),
)

/** Filters by the time of creation. */
export const createdFilters = {
  created_gte: optional({ ...time, description: 'Created at or after this RFC 3339 time.' }),
  created_gt: optional({ ...time, description: 'Created after this RFC 3339 time.' }),
  created_lte: optional({ ...time, description: 'Created at or before this RFC 3339 time.' }),
  created_lt: optional({ ...time, description: 'Created before this RFC 3339 time.' }),
}

export const providerName = string({ description: 'The name of the provider.', examples: ['sandbox'] })

export const declineCode = string({
  description: 'Why the provider declined.',
  examples: ['insufficient_funds'],
})

export const failureMessage = string({
  description: 'Why it failed, for people.',
  examples: ['The card has insufficient funds.'],
})

/** The path parameters of an object with this kind of id. */
export const idOf = (id: Schema<string>) => object({ id })
export const NoBody = named('EmptyRequest', strict({}), 'No fields.')

/** The parameter of lists that are CSV, too, for links: a browser chooses the Accept header of a link itself. */
export const listFormat = {
  format: optional(
    oneOf(['json', 'csv'], {
      description:
        '`csv` sends the whole list from its cursor on, or its first `limit` objects, as CSV. So does an Accept header that prefers `text/csv`.',
    }),
  ),
}
