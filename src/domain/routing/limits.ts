/** Velocity limits of a routing document: how they are read, and what a charge adds to their counters. */
import { MAX_AMOUNT, parseCurrency } from '../money.ts'
import { type LimitUse, MAX_WINDOW_MS } from '../velocity.ts'
import type { Condition, Facts } from './choose.ts'
import { type Problem, type Report, readArray, readObject, readText } from './read-document.ts'
import type { CompileCondition } from './rule-set.ts'

export const LIMIT_SUBJECTS = ['customer', 'payment_method', 'account'] as const
type Subject = (typeof LIMIT_SUBJECTS)[number]

/** The most that a subject may charge in a window. At least one of the maxima is there. */
export type Limit = {
  readonly name: string
  readonly per: Subject
  readonly windowMs: number
  /** Null without a limit on the number. */
  readonly maxCharges: number | null
  /** In minor units, by currency; null without a limit on the amount. */
  readonly maxAmounts: ReadonlyMap<string, number> | null
  /** Which charges it applies to; null for all. */
  readonly condition: Condition | null
}

export const MAX_LIMITS = 20
export const MAX_LIMIT_NAME = 64
export const MAX_WINDOW_S = MAX_WINDOW_MS / 1000
export const MAX_LIMIT_CHARGES = 1_000_000_000
const MAX_LIMIT_CONDITION = 1000

/**
 * What a charge adds to the counters of these limits. A charge without a payment method adds nothing to a limit per
 * payment method; in another currency than those of `maxAmounts` it adds no amount. `hash` makes the name of a counter,
 * which has the window in it, but no maximum and no condition: a change of these keeps what was counted.
 */
export function usesOf(
  limits: readonly Limit[],
  facts: Pick<Facts, 'amount' | 'currency' | 'customer' | 'paymentMethod'>,
  hash: (text: string) => string,
): LimitUse[] {
  return limits.flatMap(({ name, per, windowMs, maxCharges, maxAmounts }) => {
    const subject = { customer: facts.customer, payment_method: facts.paymentMethod, account: '' }[per]
    if (subject === null) return []
    const counter = (currency: string | null) =>
      hash(JSON.stringify([name, per, windowMs, currency, subject]))
    const uses: LimitUse[] = []
    if (maxCharges !== null)
      uses.push({ limit: name, counter: counter(null), windowMs, unit: 'charges', by: 1, max: maxCharges })
    const { currency, amount } = facts
    const max = maxAmounts?.get(currency)
    if (max !== undefined)
      uses.push({ limit: name, counter: counter(currency), windowMs, unit: 'amount', by: amount, max })
    return uses
  })
}

export const LIMIT_CODE = 'velocity_limit_exceeded'
/** The provider of a charge that MiniPay declined before it called one. */
export const NO_PROVIDER = 'none'

/** The outcome of a charge that exceeds a limit: no provider is called. */
export function limitDecline(limit: string) {
  return {
    kind: 'declined',
    declineCode: LIMIT_CODE,
    message: `The velocity limit "${limit}" was exceeded.`,
    reference: null,
  } as const
}

/** Reads the limits of a document, without those that have problems. */
export function readLimits(value: unknown, compile: CompileCondition, say: Report): Limit[] {
  return readArray(value ?? [], 'limits', 0, MAX_LIMITS, say)
    .map((item, i) => readLimit(item, `limits[${i}]`, compile, say))
    .filter((limit) => limit !== undefined)
}

/** Repeated names, and conditions that are never true. */
export function limitProblems(limits: readonly Limit[]): Problem[] {
  const first = new Map<string, string>()
  return limits.flatMap(({ name, condition }, i) => {
    const path = `limits[${i}]`
    const twin = first.get(name)
    if (twin === undefined) first.set(name, path)
    const never = condition?.constant === false
    return [
      ...(twin === undefined
        ? []
        : [{ path: `${path}.name`, position: null, message: `${twin} has this name already.` }]),
      ...(never
        ? [{ path: `${path}.when`, position: null, message: 'This is never true: the limit never applies.' }]
        : []),
    ]
  })
}

const FIELDS = ['name', 'per', 'window_s', 'max_charges', 'max_amount', 'when']

function readLimit(value: unknown, path: string, compile: CompileCondition, say: Report): Limit | undefined {
  const fields = readObject(value, path, FIELDS, say)
  if (!fields) return undefined
  const name = readText(fields['name'], `${path}.name`, MAX_LIMIT_NAME, say)
  const per = LIMIT_SUBJECTS.find((subject) => subject === fields['per'])
  if (!per) say(`${path}.per`, `This must be one of ${LIMIT_SUBJECTS.join(', ')}.`)
  const seconds = readInteger(fields['window_s'], `${path}.window_s`, MAX_WINDOW_S, say)
  const { max_charges: charges, max_amount: amounts } = fields
  if (charges === undefined && amounts === undefined)
    say(path, 'It needs max_charges, a number, or max_amount, an amount by currency, or both.')
  const maxCharges =
    charges === undefined ? null : readInteger(charges, `${path}.max_charges`, MAX_LIMIT_CHARGES, say)
  const maxAmounts = amounts === undefined ? null : readAmounts(amounts, `${path}.max_amount`, say)
  const condition = readCondition(fields['when'], `${path}.when`, compile, say)
  if (name === undefined || !per || seconds === undefined) return undefined
  if (maxCharges === undefined || condition === undefined) return undefined
  return { name, per, windowMs: seconds * 1000, maxCharges, maxAmounts, condition }
}

function readCondition(
  value: unknown,
  path: string,
  compile: CompileCondition,
  say: Report,
): Condition | null | undefined {
  if (value === undefined) return null
  const text = readText(value, path, MAX_LIMIT_CONDITION, say)
  const condition = text === undefined ? undefined : compile(text)
  if (!condition || !('message' in condition)) return condition
  say(path, condition.message, condition.position)
  return undefined
}

/** Such as `{"usd": 100000}`: currencies in either case. */
function readAmounts(value: unknown, path: string, say: Report): ReadonlyMap<string, number> {
  const amounts = new Map<string, number>()
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entries = isObject ? Object.entries(value) : []
  if (entries.length === 0) say(path, 'This must be an object with an amount for at least one currency.')
  for (const [code, amount] of entries) {
    // The name comes from the client: the path repeats it only if it is plain.
    const at = /^\w{1,64}$/.test(code) ? `${path}.${code}` : path
    const currency = parseCurrency(code)
    if (currency === undefined)
      say(at, 'This is not an ISO 4217 currency code with a minor unit, such as usd.')
    else if (amounts.has(currency)) say(at, 'This currency is there already.')
    else amounts.set(currency, readInteger(amount, at, MAX_AMOUNT, say) ?? 0)
  }
  return amounts
}

function readInteger(value: unknown, path: string, most: number, say: Report): number | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  say(path, value === undefined ? 'This is missing.' : `This must be a whole number from 1 to ${most}.`)
  return undefined
}
