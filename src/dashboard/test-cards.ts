/** Cards for test payments, by what they do. Their tokens are those of the sandbox. */
import { sandboxDecline } from '../domain/sandbox-tokens.ts'
import type { Choice } from './ui/field.ts'

const SUCCEEDING = [
  ['tok_visa', 'Visa'],
  ['tok_mastercard', 'Mastercard'],
  ['tok_amex', 'American Express'],
] as const
const DECLINED = [
  'tok_chargeDeclinedInsufficientFunds',
  'tok_chargeDeclinedExpiredCard',
  'tok_chargeDeclinedIncorrectCvc',
  'tok_chargeDeclinedLostCard',
  'tok_chargeDeclinedFraudulent',
  'tok_chargeDeclined',
] as const

/** The first card that succeeds, and the first that is declined. */
export const GOOD_CARD = SUCCEEDING[0][0]
export const BAD_CARD = DECLINED[0]
/** Banks of `minipay demo` and the simulator lose the response of this one. */
const LOST: Choice = ['tok_fault_hang', 'Visa · the response is lost: unknown, until a lookup finds it']

/** What the reader may choose; `withLost` where a bank can lose a response. */
export function cardChoices(withLost: boolean): readonly Choice[] {
  return [
    ...SUCCEEDING.map(([token, name]): Choice => [token, `${name} · succeeds`]),
    ...DECLINED.map((token): Choice => [token, `Declined · ${sandboxDecline(token)?.message ?? ''}`]),
    ...(withLost ? [LOST] : []),
  ]
}
