import { findAttempt } from '../../app/attempts/list-attempts.ts'
import { lookUpNow } from '../../app/attempts/look-up-now.ts'
import { resolveAttempt } from '../../app/attempts/resolve-attempt.ts'
import { isRejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused } from '../../http/errors.ts'
import { checkCursor, createdRange, DEFAULT_LIMIT } from '../../http/paging.ts'
import type { Static } from '../../http/schema.ts'
import type { AttemptQuery } from '../../ports/store.ts'
import { auditing, scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { refusalOf, sendRejection } from '../errors.ts'
import { ATTEMPT, TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { Attempt, AttemptLookup, AttemptsQuery, ResolveBody, STATES } from './attempt-schemas.ts'
import { attemptId, idOf, NoBody } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { page, statusesIn } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { attemptView } from './views.ts'

const validQuery = queryValidator(AttemptsQuery)
const validBody = bodyValidator(ResolveBody)
const validNothing = bodyValidator(NoBody)

const listAttemptsEndpoint: Endpoint = {
  id: 'listAttempts',
  method: 'GET',
  url: '/api/v1/attempts',
  permission: 'operations:read',
  summary: 'List attempts, newest first',
  description:
    'Every call to a provider that moves money. With `status=sending,pending,unknown`, those whose outcome is not known yet; `order=oldest` shows the oldest first.',
  tag: 'Providers',
  query: AttemptsQuery,
  responses: listResponse('A page of attempts.', page(Attempt)),
  errors: ['cursor_invalid'],
  examples: pageOf('attempts', ATTEMPT),
  async handle(services, request, reply) {
    const { context, unknownAgeMs } = services
    const { store } = context
    const scope = scopeOf(request)
    const params = validQuery(request.query)
    const exists = async (id: string) => {
      const found = (await store.attempt(id))?.scope
      return found?.accountId === scope.accountId && found.mode === scope.mode
    }
    await checkCursor('starting_after', params.starting_after, 'att', exists)
    return sendList(services, request, reply, {
      query: attemptQuery(params, context.now() - unknownAgeMs),
      ...{ schema: Attempt, view: attemptView },
      read: (next) => store.attempts(scope, next),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

/** The store's query. Attempts that are unknown since before `overdueBefore` (ms since 1970) are overdue. Throws `Refused`. */
function attemptQuery(params: Static<typeof AttemptsQuery>, overdueBefore: number): AttemptQuery {
  const { limit = DEFAULT_LIMIT, starting_after: startingAfter, provider, kind, order } = params
  const overdue = params.overdue === 'true'
  const given = statusesIn(params.status, STATES)
  if (overdue && given && !given.includes('unknown'))
    throw new Refused(
      refusalOf(
        reject(
          'parameter_invalid',
          'Overdue attempts are unknown: omit status, or include unknown.',
          'status',
        ),
      ),
    )
  const states = overdue ? (['unknown'] as const) : given
  return {
    limit,
    ...(startingAfter !== undefined && { startingAfter }),
    ...(states && { states }),
    ...(provider !== undefined && { provider }),
    ...(kind !== undefined && { kind }),
    ...(overdue && { unknownBefore: overdueBefore }),
    ...(order === 'oldest' && { oldestFirst: true }),
    ...createdRange(params),
  }
}

const retrieveAttemptEndpoint: Endpoint = {
  id: 'retrieveAttempt',
  method: 'GET',
  url: '/api/v1/attempts/:id',
  permission: 'operations:read',
  summary: 'Retrieve an attempt',
  tag: 'Providers',
  params: idOf(attemptId),
  query: NoQuery,
  responses: { 200: { description: 'The attempt.', schema: Attempt } },
  errors: ['attempt_not_found'],
  examples: shows('attempt', 'An attempt', ATTEMPT),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const attempt = await findAttempt(context, scopeOf(request), id)
    if (!attempt) return sendRejection(reply, notFound('attempt', id))
    return sendObject(reply, attemptView(attempt))
  },
}

const lookUpAttemptEndpoint: Endpoint = {
  id: 'lookUpAttempt',
  method: 'POST',
  url: '/api/v1/attempts/:id/lookup',
  permission: 'operations:write',
  summary: 'Look up an attempt at its provider now',
  description:
    "MiniPay looks up open attempts by itself; this request does not wait for the next time. It responds once the provider has, at most after the provider's deadline, and MiniPay has stored what the lookup found. While a lookup of the attempt runs, on any node, others are refused with 409 `attempt_not_open`. It needs no Idempotency-Key.",
  tag: 'Providers',
  params: idOf(attemptId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'What the lookup found.', schema: AttemptLookup } },
  errors: [
    ...(['attempt_not_found', 'attempt_not_open', 'provider_not_capable'] as const),
    ...(['provider_not_configured', 'provider_unavailable', 'overloaded'] as const),
  ],
  examples: shows('pending', 'A payment that the provider reports later', {
    attempt: {
      ...{ ...ATTEMPT, status: 'pending', resolved_by: null, lookups: 1 },
      ...{ ended_at: null, duration_ms: null, next_lookup_at: TIME },
    },
    outcome: 'pending',
    reason: null,
  }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    const found = await lookUpNow(context, scopeOf(request), id, auditing(context, request))
    if (isRejection(found)) return sendRejection(reply, found)
    const { attempt, outcome, reason } = found
    return sendObject(reply, { attempt: attemptView(attempt), outcome, reason })
  },
}

const resolveAttemptEndpoint: Endpoint = {
  id: 'resolveAttempt',
  method: 'POST',
  url: '/api/v1/attempts/:id/resolve',
  permission: 'operations:write',
  summary: 'Resolve an attempt by hand',
  description:
    "Use it for an attempt whose outcome stays unknown. Look at the provider's dashboard first. MiniPay treats the outcome as if the provider had reported it, and closes the attempt's alarms. You can correct an attempt that was resolved by hand or has an open alarm, while no later capture or refund depends on it. The same request again changes nothing, so it needs no Idempotency-Key.",
  tag: 'Providers',
  params: idOf(attemptId),
  query: NoQuery,
  body: ResolveBody,
  responses: { 200: { description: 'The attempt with its outcome.', schema: Attempt } },
  errors: ['attempt_not_found', 'attempt_not_open', 'attempt_not_resolved'],
  examples: [
    {
      name: 'resolved',
      summary: 'An attempt that failed',
      body: { outcome: 'failed', note: 'The bank has no such payment.' },
      status: 200,
      response: {
        ...ATTEMPT,
        status: 'declined',
        provider_reference: null,
        decline_code: 'processing_error',
        reason: 'lookup: no response in time; The bank has no such payment.',
        resolved_by: 'hand',
        lookups: 3,
      },
    },
  ],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const {
      outcome,
      provider_reference: reference = null,
      amount = null,
      note = null,
      expected_status: expected = null,
    } = validBody(request.body)
    const finding = { outcome, reference, amount, note, expected }
    const resolved = await resolveAttempt(context, scopeOf(request), id, finding, auditing(context, request))
    if (isRejection(resolved)) return sendRejection(reply, resolved)
    return sendObject(reply, attemptView(resolved.attempt))
  },
}

export const attemptEndpoints: readonly Endpoint[] = [
  listAttemptsEndpoint,
  retrieveAttemptEndpoint,
  lookUpAttemptEndpoint,
  resolveAttemptEndpoint,
]
