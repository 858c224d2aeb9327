/** Reads the orders of a program that embeds MiniPay, which no schema has checked. The limits are those of the API. */
import { cardRefused, holdsCardNumber } from './cards/card-numbers.ts'
import type { ChargeCommand, Metadata, RefundCommand } from './charge.ts'
import { type Rejection, reject } from './error.ts'
import { CURRENCY_WANTED, LIMITS } from './limits.ts'
import { type AmountMinor, currencyWithdrawn, MAX_AMOUNT, parseCurrency } from './money.ts'

/** A charge to make. A field that is undefined counts as absent. */
export type ChargeOrder = {
  /** Minor units of the currency: cents for usd, whole yen for jpy. */
  readonly amount: AmountMinor
  /** An ISO 4217 code in either case. */
  readonly currency: string
  /** Your own id of the customer, of 1 to 255 characters. */
  readonly customer: string
  /** The provider's token for the customer's card, of 1 to 255 characters. Never a card number. */
  readonly paymentMethod?: string | undefined
  /** With false the provider holds the money until you capture or cancel, or the authorization expires. Default: true. */
  readonly capture?: boolean | undefined
  /** Up to 1,000 characters. */
  readonly description?: string | undefined
  /** Up to 50 pairs of your own: names of 1 to 40 characters without a backslash, values of up to 500. */
  readonly metadata?: Metadata | undefined
}

/** A refund to make. A field that is undefined counts as absent. */
export type RefundOrder = {
  readonly chargeId: string
  /** Minor units. If absent, the whole remainder. */
  readonly amount?: AmountMinor | undefined
  /** The reason, in your words, of 1 to 255 characters. */
  readonly reason?: string | undefined
  readonly description?: string | undefined
  readonly metadata?: Metadata | undefined
}

/** The command of an order, or the rejection for its first problem. */
export function readChargeOrder(order: ChargeOrder): ChargeCommand | Rejection {
  const { amount, currency, customer, paymentMethod, capture, description, metadata, ...rest } = order
  const fault =
    unknownField(rest) ??
    amountFault(amount) ??
    textFault('customer', customer, LIMITS.text, 1) ??
    optional(textFault, 'paymentMethod', paymentMethod, LIMITS.text, 1) ??
    (capture === undefined || typeof capture === 'boolean'
      ? undefined
      : invalid('capture', 'be true or false')) ??
    noteFault(description, metadata)
  if (fault) return fault
  const code = readCurrency(currency)
  if (typeof code !== 'string') return code
  return {
    amount,
    currency: code,
    customer,
    capture: capture ?? true,
    paymentMethod: paymentMethod ?? null,
    description: description ?? null,
    metadata: { ...metadata },
  }
}

/** The command of an order, or the rejection for its first problem. */
export function readRefundOrder(order: RefundOrder): RefundCommand | Rejection {
  const { chargeId, amount, reason, description, metadata, ...rest } = order
  const fault =
    unknownField(rest) ??
    textFault('chargeId', chargeId, LIMITS.text, 1) ??
    (amount === undefined ? undefined : amountFault(amount)) ??
    optional(textFault, 'reason', reason, LIMITS.text, 1) ??
    noteFault(description, metadata)
  if (fault) return fault
  return { amount, reason: reason ?? null, description: description ?? null, metadata: { ...metadata } }
}

/** The rejection of an amount in minor units; undefined if it is valid. */
export function amountFault(amount: unknown): Rejection | undefined {
  if (Number.isSafeInteger(amount) && (amount as number) >= 1) return undefined
  return reject('amount_invalid', `The amount must be an integer from 1 to ${MAX_AMOUNT}.`, 'amount')
}

/** The lower-case code of a currency in use, or the rejection. */
export function readCurrency(code: unknown): string | Rejection {
  const currency = typeof code === 'string' ? parseCurrency(code) : undefined
  const withdrawn = currency && currencyWithdrawn(currency)
  if (currency !== undefined && withdrawn === undefined) return currency
  const message = withdrawn
    ? `ISO 4217 withdrew this currency on ${withdrawn}.`
    : `The parameter currency must ${CURRENCY_WANTED}.`
  return reject('currency_invalid', message, 'currency')
}

function noteFault(description: unknown, metadata: unknown): Rejection | undefined {
  return (
    optional(textFault, 'description', description, LIMITS.description, 0) ??
    (metadata === undefined ? undefined : metadataFault(metadata))
  )
}

function metadataFault(metadata: unknown): Rejection | undefined {
  const { pairs, name, value } = LIMITS.metadata
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return invalid('metadata', 'be an object of strings')
  const entries = Object.entries(metadata)
  if (entries.length > pairs) return invalid('metadata', `have at most ${pairs} pairs`)
  for (const [key, text] of entries) {
    if (key === '__proto__') return invalid('metadata', 'not have the name __proto__')
    // V8's JSON.parse would give such a name to others: see http/json-body.
    if (key.includes('\\')) return invalid('metadata', 'not have a name with a backslash')
    const fault = textFault('metadata', key, name, 1) ?? textFault('metadata', text, value, 0)
    if (fault) return fault
  }
  return undefined
}

function optional<A extends unknown[]>(
  faultOf: (param: string, value: unknown, ...rest: A) => Rejection | undefined,
  param: string,
  value: unknown,
  ...rest: A
): Rejection | undefined {
  return value === undefined ? undefined : faultOf(param, value, ...rest)
}

/** The rejection of a text that must have `least` to `most` characters; undefined if it is valid. */
function textFault(param: string, value: unknown, most: number, least: number): Rejection | undefined {
  if (value === undefined) return reject('parameter_missing', `The parameter ${param} is missing.`, param)
  const length = typeof value === 'string' && value.length <= 2 * most ? [...value].length : -1
  if (typeof value !== 'string' || length < least || length > most)
    return invalid(param, `be a string of ${least} to ${most} characters`)
  if (!value.isWellFormed() || value.includes('\0'))
    return invalid(param, 'have no NUL and no lone surrogate')
  return holdsCardNumber(value) ? cardRefused(param) : undefined
}

function unknownField(rest: object): Rejection | undefined {
  const [name] = Object.keys(rest)
  return name === undefined
    ? undefined
    : reject('parameter_unknown', `There is no parameter ${name.slice(0, 40)}.`)
}

function invalid(param: string, requirement: string): Rejection {
  return reject('parameter_invalid', `The parameter ${param} must ${requirement}.`, param)
}
