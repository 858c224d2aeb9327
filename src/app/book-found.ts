import type { Alarm } from '../domain/alarm.ts'
import { type Rejection, reject } from '../domain/error.ts'
import type { AmountMinor } from '../domain/money.ts'
import type { Scope } from '../ports/store.ts'
import type { Context } from './context.ts'

/**
 * Books what a person found to have really happened of what an alarm is about, in minor units of the charge's
 * currency. Answers undefined when it is booked, also when it was before. Rejections: `parameter_invalid` for an
 * alarm whose amount can't be booked by hand.
 */
export async function bookFound(
  _context: Context,
  _scope: Scope,
  { kind }: Alarm,
  _amount: AmountMinor,
): Promise<Rejection | undefined> {
  return reject('parameter_invalid', `Nothing can be booked with an alarm of the kind ${kind}.`, 'amount')
}
