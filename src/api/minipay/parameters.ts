/** Errors of our parameters beyond their schemas: codes of their own, better words, and the names of other APIs. */
import { type ErrorCode, reject } from '../../domain/error.ts'
import { CURRENCY_WANTED, LIMITS } from '../../domain/limits.ts'
import { Refused, refuse } from '../../http/errors.ts'
import type { ParameterWords } from '../../http/faults.ts'
import type { ObjectSchema } from '../../http/schema.ts'
import * as http from '../../http/validate.ts'
import { refusalOf } from '../errors.ts'

const withCode = (code: ErrorCode) => (message: string, param?: string) =>
  refusalOf(reject(code, message, param))
const cursor = (message: string, param: string) => refuse('cursor_invalid', message, param)

const CURRENCY_WANTS = { type: CURRENCY_WANTED, minLength: CURRENCY_WANTED, maxLength: CURRENCY_WANTED }

/** The exception for a currency that cannot be used. */
export function currencyRefused(message: string, param = 'currency'): Refused {
  return new Refused(withCode('currency_invalid')(message, param))
}

export const PARAMETER_WORDS: ParameterWords = {
  refusals: {
    amount: withCode('amount_invalid'),
    currency: withCode('currency_invalid'),
    ...{ starting_after: cursor, ending_before: cursor, after: cursor, before: cursor },
  },
  unplain: {
    amount: (message, param) =>
      withCode('amount_invalid')(`${message} Amounts are in minor units, such as 2500 for 25.00 usd.`, param),
  },
  otherNames: {
    source: ['payment_method'],
    card: ['payment_method'],
    token: ['payment_method'],
    payment_method_id: ['payment_method'],
    charge: ['transaction_id'],
    charge_id: ['transaction_id'],
    payment: ['transaction_id'],
    payment_intent: ['transaction_id'],
    id: ['transaction_id'],
    customer_id: ['customer'],
    user: ['customer'],
    email: ['customer'],
    value: ['amount'],
    total: ['amount'],
    cents: ['amount'],
    price: ['amount'],
    amount_minor: ['amount'],
    amount_to_capture: ['amount'],
    currency_code: ['currency'],
    auto_capture: ['capture'],
    capture_method: ['capture'],
    meta: ['metadata'],
    note: ['description', 'reason'],
    rules: ['document'],
    document: ['rules'],
    type: ['event_type'],
    event: ['event_type', 'type'],
    state: ['status'],
    per_page: ['limit'],
    page_size: ['limit'],
    count: ['limit'],
    page: ['starting_after', 'after', 'before'],
    cursor: ['starting_after', 'after', 'before'],
    offset: ['starting_after', 'after', 'before'],
    starting_after: ['after', 'before'],
    since: ['created_gte', 'after'],
    from: ['created_gte', 'after'],
    until: ['created_lt', 'before'],
    to: ['created_lt'],
  },
  wanted: {
    amount: { type: 'be a whole number of minor units, such as 2500 for 25.00 usd' },
    currency: CURRENCY_WANTS,
    'charge.currency': CURRENCY_WANTS,
    headers: {
      additionalProperties: 'have names of 1 to 100 letters, digits, or characters such as - and _',
    },
    metadata: { additionalProperties: `have a name of 1 to ${LIMITS.metadata.name} characters` },
  },
}

export function bodyValidator<T>(schema: ObjectSchema<T>): (value: unknown) => T {
  return http.bodyValidator(schema, PARAMETER_WORDS)
}

export function queryValidator<T>(schema: ObjectSchema<T>): (query: unknown) => T {
  return http.queryValidator(schema, PARAMETER_WORDS)
}

/** The names of other APIs for our resources. */
export const OTHER_RESOURCE_NAMES: Readonly<Record<string, string>> = {
  payment: 'charges',
  payments: 'charges',
  payment_intents: 'charges',
  transactions: 'charges',
  transaction: 'charges',
  orders: 'charges',
  webhooks: 'webhook_deliveries',
  deliveries: 'webhook_deliveries',
  balances: 'balance',
  entries: 'ledger/entries',
  accounts: 'ledger/accounts',
  ledger: 'ledger/entries',
  rules: 'routing',
  healthz: 'health',
  healthcheck: 'health',
  status: 'health',
  ping: 'health',
  livez: 'health',
  readyz: 'ready',
  readiness: 'ready',
  swagger: 'docs',
  documentation: 'docs',
  'api-docs': 'docs',
}
