/** Rule sets of a log, valid and not, and charges to simulate. */
import type { Draw } from '../kit/draws.ts'

const TO_BANK = {
  name: 'to the bank',
  when: "'to' in metadata && metadata.to == 'bank'",
  providers: ['bank'],
}
const FALLBACK = { providers: ['sandbox'] }

/** With the bank known. Each keeps sending to the bank what asks for it. */
export const RULE_SETS: readonly object[] = [
  { rules: [TO_BANK], default: FALLBACK },
  {
    rules: [
      TO_BANK,
      {
        name: 'gold "🦄" \\ {x}',
        when: "has(metadata.tier) && metadata.tier == 'gold'",
        split: [
          { provider: 'sandbox', weight: 70 },
          { provider: 'bank', weight: 30 },
        ],
        sticky: true,
      },
    ],
    default: FALLBACK,
  },
  {
    rules: [
      TO_BANK,
      {
        name: 'euros',
        when: "currency == 'eur' && amount < 100000",
        providers: ['bank', 'sandbox'],
        failover_on: ['processing_error', 'insufficient_funds'],
      },
      { name: 'never told', when: "metadata.order == 'plain'", providers: ['bank'] },
    ],
    default: FALLBACK,
  },
]

/** While the sandbox is all there is. */
export const SANDBOX_RULE_SETS: readonly object[] = [
  { default: FALLBACK },
  { rules: [{ name: 'all\n', when: 'amount > 1000', providers: ['sandbox'] }], default: FALLBACK },
]

const WRONG: readonly unknown[] = [
  null,
  {},
  { default: { providers: [] } },
  { default: { providers: ['nobody'] } },
  { rules: [{ name: 'x', when: 'amout > 1', ...FALLBACK }], default: FALLBACK },
  { rules: [{ name: 'x', when: 'true', ...FALLBACK }, TO_BANK], default: FALLBACK },
  { rules: [{ name: 'x', when: '1 +', ...FALLBACK }], default: FALLBACK, more: 1 },
  { default: { ...FALLBACK, failover_on: ['stolen_card'] } },
]

export function ruleSetBody(draw: Draw, sets: readonly object[]): string {
  const document = draw.chance(0.4) ? draw.of(WRONG) : draw.of(sets)
  return JSON.stringify({
    document,
    ...(draw.chance(0.3) && { version: draw.between(0, 6) }),
    ...(draw.chance(0.03) && { version: Number.MAX_SAFE_INTEGER }),
  })
}

/** `newest` charges are of no race. */
export function simulationBody(draw: Draw, sets: readonly object[], newest: number): string {
  const charge = {
    amount: draw.between(1, 200_000),
    currency: draw.of(['eur', 'usd', 'xxx']),
    customer: `cus_${draw.between(1, 20)}`,
    metadata: draw.of<Record<string, string>>([{}, { to: 'bank' }, { tier: 'gold' }, { order: 'plain' }]),
    ...(draw.chance(0.3) && { time: draw.of(['2026-11-23T12:00:00Z', 'noon']) }),
  }
  return JSON.stringify({
    ...(draw.chance(0.5) && { rules: draw.chance(0.3) ? draw.of(WRONG) : draw.of(sets) }),
    ...(draw.chance(0.7) && { charge }),
    ...(newest > 0 && draw.chance(0.6) && { last: draw.between(1, Math.min(newest, 1_000)) }),
  })
}
