import { type AmountMinor, currencyExponent, moneyText } from '../domain/money.ts'

/**
 * How Stripe counts a currency, from https://docs.stripe.com/currencies: the decimals of its amounts, and the
 * step that they must be divisible by. Every other currency has two decimals.
 */
type StripeUnits = { readonly decimals: number; readonly step: number }

const TWO: StripeUnits = { decimals: 2, step: 1 }
const ZERO: StripeUnits = { decimals: 0, step: 1 }
/** The last digit must be 0, because of the card networks. */
const THREE: StripeUnits = { decimals: 3, step: 10 }
/**
 * Currencies without a minor unit that Stripe still counts in hundredths, "for backwards compatibility". Its page
 * also lists ugx among the zero-decimal currencies; its special case, "to charge 5 UGX, provide an amount value of
 * 500", is newer and more exact.
 */
const WHOLE_IN_HUNDREDTHS: StripeUnits = { decimals: 2, step: 100 }

const UNITS: ReadonlyMap<string, StripeUnits> = new Map([
  ...[
    'bif',
    'clp',
    'djf',
    'gnf',
    'jpy',
    'kmf',
    'krw',
    'mga',
    'pyg',
    'rwf',
    'vnd',
    'vuv',
    'xaf',
    'xof',
    'xpf',
  ].map((currency) => [currency, ZERO] as const),
  ...['bhd', 'jod', 'kwd', 'omr', 'tnd'].map((currency) => [currency, THREE] as const),
  ['isk', WHOLE_IN_HUNDREDTHS],
  ['ugx', WHOLE_IN_HUNDREDTHS],
])

/** An amount as Stripe counts it, or why Stripe cannot take it. */
export type StripeAmount =
  | { readonly ok: true; readonly amount: number }
  | {
      readonly ok: false
      readonly declineCode: 'currency_not_supported' | 'invalid_amount'
      readonly message: string
    }

/**
 * Converts our minor units (ISO 4217) to Stripe's, exactly: it refuses an amount that Stripe's units cannot express,
 * and never rounds. It also refuses a currency with other than two decimals that Stripe's page does not list, because
 * Stripe does not document its unit.
 */
export function toStripe(amount: AmountMinor, currency: string): StripeAmount {
  const scale = scaleOf(currency)
  if (!scale)
    return {
      ok: false,
      declineCode: 'currency_not_supported',
      message: `Stripe takes no payments in ${currency.toUpperCase()}.`,
    }
  const { multiply, divide, step } = scale
  const converted = (amount * multiply) / divide
  const exact =
    Number.isSafeInteger(amount * multiply) && Number.isInteger(converted) && converted % step === 0
  if (exact) return { ok: true, amount: converted }
  return {
    ok: false,
    declineCode: 'invalid_amount',
    message: `Stripe cannot take ${moneyText(amount, currency)} exactly.`,
  }
}

/** Stripe's amount in our minor units; null if it is not a whole number of them, or the currency is unknown. */
export function fromStripe(amount: unknown, currency: string): AmountMinor | null {
  const scale = scaleOf(currency)
  if (!scale || typeof amount !== 'number' || !Number.isSafeInteger(amount)) return null
  const converted = (amount * scale.divide) / scale.multiply
  return Number.isSafeInteger(amount * scale.divide) && Number.isInteger(converted) ? converted : null
}

function scaleOf(currency: string): { multiply: number; divide: number; step: number } | undefined {
  const ours = currencyExponent(currency)
  if (ours === undefined) return undefined
  const stripe = UNITS.get(currency) ?? (ours === 2 ? TWO : undefined)
  if (!stripe) return undefined
  const shift = stripe.decimals - ours
  return { multiply: 10 ** Math.max(shift, 0), divide: 10 ** Math.max(-shift, 0), step: stripe.step }
}
