/**
 * Rule sets at their limits: a hundred rules and twenty velocity limits, each with a condition of a thousand characters
 * that never holds.
 */
import { MAX_LIMITS } from '../../src/domain/routing/limits.ts'
import { MAX_CONDITION, MAX_FAILOVER_CODES, MAX_RULES } from '../../src/domain/routing/rule-set.ts'

const MOST_PARTS = 55

/** As many parts as there is room for. */
function joined(part: (i: number) => string, operator: string, most = MOST_PARTS): string {
  let text = part(0)
  for (let i = 1; i < most; i++) {
    const next = text + operator + part(i)
    if (next.length > MAX_CONDITION) break
    text = next
  }
  return text
}

/** By what they cost: an error a part, a comparison a part, or the parsing. */
const CONDITIONS = {
  'absent metadata': (rule: number) => joined((i) => `metadata.k${rule}_${i} == ""`, '||'),
  'what is no number': (rule: number) => joined((i) => `int(customer) == ${rule}${i}`, '||'),
  'comparisons, one false at the end': (rule: number) => `${joined(() => 'amount>0', '&&')}&&amount<-${rule}`,
  'texts of metadata': (rule: number) => joined((i) => `customer.contains("${rule}x${i}")`, '||'),
  'a long list': (rule: number) => `customer in [${joined((i) => `"r${rule}x${i}"`, ',', 90)}]`,
  'deep negations': (rule: number) => `${'!'.repeat(30)}(amount < -${rule})`,
}
export type ConditionKind = keyof typeof CONDITIONS
export const CONDITION_KINDS = Object.keys(CONDITIONS) as ConditionKind[]

export function ruleSetOf(kind: ConditionKind): object {
  const codes = Array.from({ length: MAX_FAILOVER_CODES }, (_, i) => `code_${i}`)
  return {
    rules: Array.from({ length: MAX_RULES }, (_, i) => ({
      name: `rule ${i}`,
      when: CONDITIONS[kind](i),
      providers: ['sandbox', 'remote'],
      failover_on: codes,
    })),
    limits: Array.from({ length: MAX_LIMITS }, (_, i) => ({
      ...limit(i),
      when: CONDITIONS[kind](MAX_RULES + i),
    })),
    default: { providers: ['sandbox'] },
  }
}

const limit = (i: number) => ({
  ...{ name: `limit ${i}`, per: 'customer', window_s: 86_400, max_charges: 1_000_000 },
  max_amount: { usd: Number.MAX_SAFE_INTEGER, eur: Number.MAX_SAFE_INTEGER },
})

/** As many velocity limits as there may be, which apply to every charge. */
export function limitsOnly(): object {
  return {
    limits: Array.from({ length: MAX_LIMITS }, (_, i) => limit(i)),
    default: { providers: ['sandbox'] },
  }
}

/** A document with a problem at every place. */
export function brokenRuleSet(): object {
  return {
    rules: Array.from({ length: MAX_RULES }, () => ({
      name: 7,
      when: 'amout > 1',
      providers: Array(20).fill(5),
      failover_on: Array(MAX_FAILOVER_CODES).fill(1),
      split: Array(20).fill({ provider: 1, weight: 0 }),
    })),
    limits: Array(MAX_LIMITS).fill({
      name: 7,
      per: 1,
      window_s: 0,
      max_amount: { abc: 0 },
      when: 'amout > 1',
    }),
    default: {},
  }
}
