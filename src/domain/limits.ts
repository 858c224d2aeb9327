/** The end of a sentence about a currency that cannot be used: it must … */
export const CURRENCY_WANTED = 'be an ISO 4217 currency code with a minor unit, such as usd'

/** The limits of texts in requests, in Unicode characters. */
export const LIMITS = {
  /** Ids and tokens of other systems, and reasons. */
  text: 255,
  description: 1_000,
  metadata: { pairs: 50, name: 40, value: 500 },
} as const
