/** Card testing: many charges of a few cards, against a server whose velocity limit is the same for each card. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { SimulationView } from '../../src/api/minipay/simulation-schemas.ts'
import type { DeclineAnswer } from './client.ts'
import { type Answer, call, charge } from './http.ts'
import { storeRules } from './world.ts'

/** Limits each card to so many charges an hour, with this provider for every charge. */
export function limitCards(url: string, max_charges: number, provider: string): Promise<void> {
  const limit = { name: 'card testing', per: 'payment_method', window_s: 3600, max_charges }
  return storeRules(url, { limits: [limit], default: { providers: [provider] } })
}

export function isLimited({ status, body }: Answer<unknown>): boolean {
  return status === 402 && (body as DeclineAnswer).decline_code === 'velocity_limit_exceeded'
}

/**
 * Charges a card under a key, again and again until the response is final, at the server that `url` names each time.
 * Returns true unless the limit declined it; the provider may have declined it.
 */
export async function chargeCard(url: () => string, key: string, card: string): Promise<boolean> {
  for (;;) {
    const answer = await charge<unknown>(url(), key, { payment_method: card }).catch(() => undefined)
    if (answer && isLimited(answer)) return false
    if (answer && [200, 201, 402].includes(answer.status)) return true
    // The server was killed, or is busy with the same key.
    assert.ok(!answer || [202, 409, 503].includes(answer.status), JSON.stringify(answer?.body))
    await setTimeout(20)
  }
}

/** Charges a card until the limit declines it: then the node has the rules. Returns the number of charges before. */
export async function untilLimited(url: string, card: string): Promise<number> {
  for (let i = 0; ; i++) if (!(await chargeCard(() => url, `probe-${card}-${i}`, card))) return i
}

/** How many charges of a card the limit has counted. */
export async function countedOf(url: string, card: string): Promise<number | undefined> {
  const order = { amount: 1, currency: 'usd', customer: 'cus_1', payment_method: card }
  const { body } = await call<SimulationView>(url, 'POST', '/api/v1/routing/simulate', { charge: order })
  return body.charge?.limits[0]?.charges?.used
}
