import { serves } from '../../app/routing/serving.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import type { AttentionTotals } from '../../ports/store-statistics.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint, Services } from '../endpoint.ts'
import { shows } from '../openapi/examples.ts'
import { Attention, type AttentionView } from './attention-schemas.ts'
import { timeOrNull } from './views.ts'

/** Evidence that is due within this time counts as due, in ms. */
const DUE_MS = 7 * 86_400_000

function openBreakers(
  { context }: Services,
  scope: Parameters<typeof serves>[1],
): AttentionView['open_breakers'] {
  return [...context.providers.values()]
    .filter((provider) => serves(provider, scope))
    .flatMap(({ name }) => {
      const health = context.health.snapshot(name)
      const breakers = [
        ['money', health.state, health.retryInMs],
        ['lookups', health.lookups.state, health.lookups.retryInMs],
      ] as const
      return breakers.flatMap(([calls, state, retry]) =>
        state === 'closed' ? [] : [{ provider: name, calls, state, retry_in_ms: retry }],
      )
    })
}

function attentionView(totals: AttentionTotals, breakers: AttentionView['open_breakers']): AttentionView {
  return {
    unresolved: {
      unknown: totals.unknown,
      pending: totals.pending,
      overdue: totals.overdue,
      oldest_since: timeOrNull(totals.oldestUnknownSince),
    },
    failed_deliveries: totals.failedDeliveries,
    webhook_endpoints: { disabled: totals.disabledEndpoints, failing: totals.failingEndpoints },
    disputes: {
      open: totals.openDisputes,
      needs_response: totals.disputesToAnswer,
      due: totals.dueDisputes,
      next_due_at: timeOrNull(totals.nextDueAt),
    },
    open_alarms: totals.openAlarms,
    open_breakers: breakers,
  }
}

const attentionEndpoint: Endpoint = {
  id: 'retrieveAttention',
  method: 'GET',
  url: '/api/v1/attention',
  permission: 'operations:read',
  summary: 'Count what a person should look at',
  description:
    'Attempts without an outcome, failed webhooks, disputes, alarms and circuit breakers, in one response. It reads counters and at most a few thousand rows.',
  tag: 'Providers',
  query: NoQuery,
  responses: { 200: { description: 'The counts.', schema: Attention } },
  errors: [],
  examples: shows('quiet', 'Nothing to do', {
    unresolved: { unknown: 0, pending: 0, overdue: 0, oldest_since: null },
    failed_deliveries: 0,
    webhook_endpoints: { disabled: 0, failing: 0 },
    disputes: { open: 0, needs_response: 0, due: 0, next_due_at: null },
    open_alarms: 0,
    open_breakers: [],
  }),
  async handle(services, request, reply) {
    const { context, unknownAgeMs } = services
    const scope = scopeOf(request)
    const now = context.now()
    const totals = await context.store.attention(scope, now - unknownAgeMs, now + DUE_MS)
    return sendObject(reply, attentionView(totals, openBreakers(services, scope)))
  },
}

export const attentionEndpoints: readonly Endpoint[] = [attentionEndpoint]
