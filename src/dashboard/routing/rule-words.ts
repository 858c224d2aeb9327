/** Routing rules in plain words. */
import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { count, duration, moneyWithCode, percent } from '../format.ts'

export type RulesDocument = RuleSetView['document']
export type Rule = NonNullable<RulesDocument['rules']>[number]
export type Limit = NonNullable<RulesDocument['limits']>[number]
type Destination = RulesDocument['default']

/** `bank_b, then bank_a`, or `80% bank_a and 20% bank_b`. */
export function targetsInWords({ providers, split, sticky }: Destination): string {
  if (providers) return providers.join(', then ')
  const whole = (split ?? []).reduce((sum, { weight }) => sum + weight, 0)
  const shares = (split ?? []).map(({ provider, weight }) => `${percent(weight, whole)} ${provider}`)
  return sticky ? `${shares.join(', ')}; a customer stays at one provider` : shares.join(', ')
}

/** Undefined for rules that never fail over after a decline. */
export function failoverInWords({ failover_on: codes = [] }: Destination): string | undefined {
  if (codes.length === 0) return undefined
  return `After the decline ${codes.join(' or ')}, the next provider gets the payment.`
}

const SUBJECTS = { customer: 'customer', payment_method: 'payment method', account: 'account' } as const
const SPANS: Readonly<Record<number, string>> = { 60: 'a minute', 3600: 'an hour', 86400: 'a day' }

/** `At most 10 payments and 5,000.00 USD in an hour for each customer`. */
export function limitInWords({
  per,
  window_s: seconds,
  max_charges: most,
  max_amount: amounts,
}: Limit): string {
  const maxima = [
    ...(most === undefined ? [] : [`${count(most)} payments`]),
    ...Object.entries(amounts ?? {}).map(([currency, amount]) => moneyWithCode(amount, currency)),
  ]
  const whose = per === 'account' ? 'for the whole account' : `for each ${SUBJECTS[per]}`
  return `At most ${maxima.join(' and ')} in ${SPANS[seconds] ?? duration(seconds * 1000)} ${whose}`
}

const COMPARISONS: Readonly<Record<string, string>> = {
  '==': 'is',
  '!=': 'is not',
  '<': 'is less than',
  '<=': 'is at most',
  '>': 'is more than',
  '>=': 'is at least',
}
const SIMPLE =
  /^(currency|customer|payment_method|amount|metadata\.\w+) (==|!=|<=|>=|<|>) (?:'([^'\\]*)'|"([^"\\]*)"|(\d{1,15}))$/
const HAS = /^has\((metadata\.\w+)\)$/

/** A condition that is simple enough, in words; otherwise undefined: then its own text says it best. */
export function conditionInWords(condition: string): string | undefined {
  const parts = condition.split('&&').map((part) => part.trim().replace(/\s+/g, ' '))
  const [currency] = parts.flatMap((part) => /^currency == ['"](\w{3})['"]$/.exec(part)?.[1] ?? [])
  const words: string[] = []
  for (const part of parts) {
    const [, has] = HAS.exec(part) ?? []
    if (has !== undefined && parts.some((other) => other.startsWith(`${has} `))) continue
    const said = has === undefined ? partInWords(part, currency) : `there is ${fieldInWords(has)}`
    if (said === undefined) return undefined
    words.push(said)
  }
  return words.join(' and ')
}

const fieldInWords = (field: string) => field.replace('metadata.', 'metadata ').replace('_', ' ')

function partInWords(part: string, currency: string | undefined): string | undefined {
  const [, field, operator, single, double, number] = SIMPLE.exec(part) ?? []
  if (field === undefined || operator === undefined) return undefined
  const text = single ?? double
  const isAmount = field === 'amount'
  if (isAmount !== (number !== undefined) || (!isAmount && !['==', '!='].includes(operator))) return undefined
  const value = isAmount
    ? currency === undefined
      ? `${count(Number(number))} minor units`
      : moneyWithCode(Number(number), currency)
    : field === 'currency'
      ? (text ?? '').toUpperCase()
      : `“${text}”`
  return `${fieldInWords(field)} ${COMPARISONS[operator]} ${value}`
}
