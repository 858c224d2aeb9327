import { CURRENCY_EXPONENTS, WITHDRAWN_CURRENCIES } from './currencies.ts'

/**
 * An amount of money in the currency's minor units (cents for usd, whole yen for jpy).
 * Always a safe integer: |amount| <= 2^53 - 1. Sums that may pass that bound are `bigint`.
 */
export type AmountMinor = number

/** The largest amount of one charge or refund, in minor units: the largest integer JSON carries exactly. */
export const MAX_AMOUNT: AmountMinor = Number.MAX_SAFE_INTEGER

/** Balances are signed 64-bit integers; MiniPay refuses a commit that would leave this range. */
export const MAX_BALANCE = 2n ** 63n - 1n

/**
 * The lower-case ISO 4217 code for `input` in either case, or undefined if ISO 4217 does not list it or gives it no
 * minor unit (xau, xdr, xxx and the like). Withdrawn codes are included, because charges in them are stored.
 */
export function parseCurrency(input: string): string | undefined {
  if (CURRENCY_EXPONENTS.has(input)) return input
  // ASCII letters only: the Kelvin sign's lower case is a k too.
  const code = /^[A-Za-z]{3}$/.test(input) ? input.toLowerCase() : ''
  return CURRENCY_EXPONENTS.has(code) ? code : undefined
}

/** How many decimal digits a minor unit of `currency` is (ISO 4217): usd 2, jpy 0, kwd 3. */
export function currencyExponent(currency: string): number | undefined {
  return CURRENCY_EXPONENTS.get(currency)
}

/** The date from which ISO 4217 no longer lists `currency`, as YYYY-MM-DD; undefined while it lists it. */
export function currencyWithdrawn(currency: string): string | undefined {
  return WITHDRAWN_CURRENCIES.get(currency)
}

/**
 * An amount as the decimal text of its major unit: 1241 usd is `12.41`, 500 jpy is `500`, -5 kwd is `-0.005`. Exact for
 * every amount and balance; never by a division.
 */
export function decimalText(amount: AmountMinor | bigint, exponent: number): string {
  const text = String(amount)
  const [sign, digits] = text.startsWith('-') ? ['-', text.slice(1)] : ['', text]
  if (exponent === 0) return text
  const padded = digits.padStart(exponent + 1, '0')
  return `${sign}${padded.slice(0, -exponent)}.${padded.slice(-exponent)}`
}

/** An amount for people: `12.41 USD`; in minor units if ISO 4217 does not list the currency, which a provider may say. */
export function moneyText(amount: AmountMinor | bigint, currency: string): string {
  const exponent = currencyExponent(currency)
  return exponent === undefined
    ? `${amount} minor units of ${currency}`
    : `${decimalText(amount, exponent)} ${currency.toUpperCase()}`
}
