import { attemptView, disputeView } from '../app/present.ts'
import { resolveAttempt } from '../app/resolve-attempt.ts'
import { isRejection } from '../domain/error.ts'
import { checkCursor, DEFAULT_LIMIT, sendPage } from './paging.ts'
import { type Route, scopeOf, sendObject, sendRejection } from './route.ts'
import {
  Attempt,
  AttemptsQuery,
  Dispute,
  DisputesQuery,
  IdParams,
  NoQuery,
  page,
  ResolveBody,
} from './schemas.ts'
import { bodyValidator, queryValidator } from './validate.ts'

const validQuery = queryValidator(AttemptsQuery)
const validBody = bodyValidator(ResolveBody)
const validDisputesQuery = queryValidator(DisputesQuery)

export const listAttemptsRoute: Route = {
  method: 'GET',
  url: '/api/v1/attempts',
  summary: 'Calls to providers, newest first',
  description: 'With `status=unknown`: those of which nobody knows yet whether they moved money.',
  tag: 'Providers',
  query: AttemptsQuery,
  answers: { 200: { description: 'A page of attempts.', schema: page(Attempt) } },
  errors: ['cursor_invalid'],
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { limit = DEFAULT_LIMIT, starting_after: startingAfter, status } = validQuery(request.query)
    const exists = async (id: string) => (await context.store.attempt(id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'att', exists)
    const query = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(status !== undefined && { state: status }),
    }
    return sendPage(reply, await context.store.attempts(scope, query), attemptView)
  },
}

export const resolveAttemptRoute: Route = {
  method: 'POST',
  url: '/api/v1/attempts/:id/resolve',
  summary: 'Say what became of an attempt that stays unknown, or correct it',
  description:
    "For a person who has looked at the provider's dashboard. The charge goes on as if the provider had said so, and the attempt's alarms are closed. What was resolved by hand, or has an open alarm, can be said again in another way, while no other money depends on it. Said again in the same way, nothing is done: it takes no Idempotency-Key.",
  tag: 'Providers',
  params: IdParams,
  query: NoQuery,
  body: ResolveBody,
  answers: { 200: { description: 'The attempt as it ended.', schema: Attempt } },
  errors: ['attempt_not_found', 'attempt_not_open', 'attempt_not_resolved'],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const {
      outcome,
      provider_reference: reference = null,
      amount = null,
      note = null,
    } = validBody(request.body)
    const finding = { outcome, reference, amount, note }
    const resolved = await resolveAttempt(context, scopeOf(request), id, finding)
    if (isRejection(resolved)) return sendRejection(reply, resolved)
    return sendObject(reply, attemptView(resolved.attempt))
  },
}

export const listDisputesRoute: Route = {
  method: 'GET',
  url: '/api/v1/disputes',
  summary: 'Disputes, newest first',
  tag: 'Providers',
  query: DisputesQuery,
  answers: { 200: { description: 'A page of disputes.', schema: page(Dispute) } },
  errors: ['cursor_invalid'],
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const {
      limit = DEFAULT_LIMIT,
      starting_after: startingAfter,
      transaction_id: transactionId,
    } = validDisputesQuery(request.query)
    const exists = async (id: string) => (await context.store.dispute(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dp', exists)
    const query = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(transactionId !== undefined && { transactionId }),
    }
    return sendPage(reply, await context.store.disputes(scope, query), disputeView)
  },
}
