/** Two banks whose responses the plan of the month chooses. */
import type { Outcome } from '../../domain/attempt.ts'
import type { Dispute } from '../../domain/charge.ts'
import type {
  AuthorizeCall,
  DisputeLookup,
  FollowUpCall,
  LookupCall,
  LookupOutcome,
  Provider,
  RemoteProvider,
} from '../../ports/provider.ts'
import { type Runtime, sleep } from '../../ports/runtime.ts'
import { DEMO_BANKS } from '../../providers/config.ts'
import { authorized, createDemoBank, done } from '../../providers/demo.ts'
import { drawsOf } from './draws.ts'
import type { Fate } from './plan.ts'

/** A stretch of time in which a bank refuses connections; ms since 1970. */
export type Outage = { readonly bank: string; readonly from: number; readonly until: number }
type Contest = {
  readonly paymentReference: string
  readonly amount: number
  readonly currency: string
  readonly reason: string
  /** ms since 1970. */
  readonly evidenceDueAt: number | null
  readonly status: Dispute['status']
}

export type ScriptedBanks = {
  /** In place of a configured demo bank; any other provider is returned as it is. */
  readonly provider: (provider: Provider) => Provider
  /** What happens to the payment of this order. */
  setFate(order: string, fate: Fate): void
  /** A customer contests a payment, or the contest ends. */
  contest(reference: string, contest: Contest): void
}

/** How many lookups of a lost payment get no answer before one does. */
const LOOKUPS_IN_VAIN = 3

export function scriptBanks(runtime: Runtime, seed: number, outages: readonly Outage[]): ScriptedBanks {
  const draws = drawsOf(seed + 1)
  const fates = new Map<string, Fate>()
  const contests = new Map<string, Contest>()
  /** What lookups of a call say, and how many more get no answer. */
  const found = new Map<string, { left: number; readonly outcome: LookupOutcome }>()
  const failedOver = new Set<string>()

  const isDown = (bank: string) =>
    outages.some(
      (outage) => outage.bank === bank && outage.from <= runtime.now() && runtime.now() < outage.until,
    )
  const latency = () =>
    sleep(runtime, 90 + Math.round(260 * draws.next() ** 2) + (draws.chance(0.02) ? 2_500 : 0))

  async function authorize(bank: RemoteProvider, call: AuthorizeCall): Promise<Outcome> {
    if (isDown(bank.name)) return { kind: 'not_sent', reason: 'ECONNREFUSED' }
    const fate = fates.get(call.metadata['order'] ?? '') ?? 'plain'
    if (fate === 'failover' && !failedOver.has(call.chargeId)) {
      failedOver.add(call.chargeId)
      await latency()
      const message = 'The bank does not say why.'
      return { kind: 'declined', declineCode: 'do_not_honor', message, reference: null }
    }
    await latency()
    const outcome = authorized(call, runtime.now())
    if (fate === 'plain' || fate === 'failover' || outcome.kind !== 'succeeded') return outcome
    if (fate === 'doubled') {
      found.set(call.attemptId, { left: 0, outcome })
      return { ...outcome, amount: outcome.amount * 2 }
    }
    const isFound = fate === 'lost' || fate === 'vanished'
    found.set(call.attemptId, {
      left: isFound ? LOOKUPS_IN_VAIN : Number.POSITIVE_INFINITY,
      outcome: fate === 'vanished' ? { kind: 'not_found' } : outcome,
    })
    await sleep(runtime, bank.deadlineMs - 1_000)
    return { kind: 'unknown', reason: 'the connection was cut before the response' }
  }

  async function follow(bank: RemoteProvider, call: FollowUpCall): Promise<Outcome> {
    if (isDown(bank.name)) return { kind: 'not_sent', reason: 'ECONNREFUSED' }
    await latency()
    if (!draws.chance(0.02)) return done(call)
    found.set(call.attemptId, { left: LOOKUPS_IN_VAIN, outcome: done(call) })
    return { kind: 'unknown', reason: 'the connection was cut before the response' }
  }

  async function lookup(bank: RemoteProvider, call: LookupCall): Promise<LookupOutcome> {
    if (isDown(bank.name)) return { kind: 'not_sent', reason: 'ECONNREFUSED' }
    await latency()
    const known = found.get(call.attemptId)
    if (known && known.left-- > 0)
      return { kind: 'unknown', reason: 'the bank responds 503 to lookups of this payment' }
    if (known) return known.outcome
    // A hold that has come to its end.
    return { ...EXPIRED, reference: call.providerReference }
  }

  async function dispute(reference: string): Promise<DisputeLookup> {
    const contest = contests.get(reference)
    return contest ? { kind: 'dispute', reference, ...contest } : { kind: 'not_found' }
  }

  return {
    setFate: (order, fate) => void fates.set(order, fate),
    contest: (reference, contest) => void contests.set(reference, contest),
    provider(configured) {
      if (!configured.remote || !DEMO_BANKS.some((name) => name === configured.name)) return configured
      const bank = createDemoBank(configured.name, runtime.now)
      const scripted: RemoteProvider = {
        ...bank,
        dispute,
        authorize: (call) => authorize(bank, call),
        capture: (call) => follow(bank, call),
        cancel: (call) => follow(bank, call),
        refund: (call) => follow(bank, call),
        lookup: (call) => lookup(bank, call),
        notification: async (body) => {
          const text = body.toString()
          return { id: text, subject: { about: 'dispute', reference: text.split(' ')[0] ?? '' } }
        },
      }
      return scripted
    },
  }
}

const EXPIRED = {
  kind: 'declined',
  declineCode: 'authorization_expired',
  message: 'The authorization has expired.',
} as const
