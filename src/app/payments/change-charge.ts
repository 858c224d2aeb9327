/** A request that changes a charge at the provider that has its money; each kind of request has a file of its own. */
import type { Attempt, AttemptKind } from '../../domain/attempt.ts'
import type { Charge, Decision } from '../../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { refuseInDoubt } from '../alarms/raise-alarm.ts'
import type { Context } from '../context.ts'
import { execute, type KeyedRequest, type Proposal, type Result } from '../execute.ts'
import { whyUnavailable } from '../routing/available-provider.ts'
import { holdingProvider } from '../routing/serving.ts'
import { proposeCancelRequest } from './cancel-requests.ts'
import { decideFollowUp } from './decide-follow-up.ts'
import { endingOf } from './endings.ts'

/**
 * Decides on the current charge and the state of its provider. Begins nothing that cannot be sent now, so the request
 * can be repeated with its key.
 */
export function changeCharge(
  context: Context,
  request: KeyedRequest,
  id: string,
  { param, kind }: { readonly param: string; readonly kind: AttemptKind },
  decide: (charge: Charge, provider: Provider) => Decision | Rejection,
): Promise<Result | Rejection> {
  return execute(context, request, async (): Promise<Proposal | Rejection> => {
    const found = await context.store.charge(request.scope, id)
    if (!found) return notFound('transaction', id, param)
    const requested =
      kind === 'cancel' ? await proposeCancelRequest(context, request.scope, found, request.key) : null
    if (requested?.kept) return requested.kept
    const charge = requested?.charge ?? found
    const provider = holdingProvider(context, request.scope, charge.provider)
    if (!provider) return notConfigured(context, request.scope, charge)
    const refusal = await refuseInDoubt(context, request.scope, id, kind)
    if (refusal) return refusal
    const at = context.now()
    const decision = decide(charge, provider)
    if (isRejection(decision)) return decision
    const reason = whyUnavailable(context, provider, true)
    if (reason !== null)
      return reject('provider_unavailable', `The provider ${provider.name} is not available now: ${reason}.`)
    const attempt = decision.attempts[0] as Attempt
    return { decision, at, ending: endingOf(decision.charge, decision.refund, attempt) }
  })
}

function notConfigured({ providers }: Context, { mode }: Scope, { provider: name }: Charge): Rejection {
  const other = providers.get(name)
  const why = other
    ? `serves ${other.mode} mode now, but this is a ${mode} charge. Give it back its mode in the providers file, and the other mode a provider with a name of its own.`
    : 'is no longer configured.'
  return reject('provider_not_configured', `The provider ${name} ${why}`)
}

/** Begins a capture or a cancel of the amount that `amountOf` allows. */
export function followUp(
  context: Context,
  request: KeyedRequest,
  id: string,
  kind: 'capture' | 'cancel',
  amountOf: (charge: Charge, provider: Provider) => AmountMinor | Rejection,
): Promise<Result | Rejection> {
  return changeCharge(context, request, id, { param: 'id', kind }, (charge, provider) => {
    const amount = amountOf(charge, provider)
    if (typeof amount !== 'number') return amount
    return decideFollowUp(context, kind, { charge, provider, key: request.key, amount })
  })
}
