import { HEALTH_WINDOW_MS, type HealthSnapshot } from '../../app/routing/health.ts'
import { serves } from '../../app/routing/serving.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import type { Provider } from '../../ports/provider.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { PROVIDER } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { page } from './lists.ts'
import { ProviderState, type ProviderView } from './provider-schemas.ts'

function providerView({ name, kind, mode, capabilities }: Provider, health: HealthSnapshot): ProviderView {
  return {
    name,
    kind,
    mode,
    capabilities: {
      idempotency_window_ms: Number.isFinite(capabilities.idempotencyWindowMs)
        ? capabilities.idempotencyWindowMs
        : null,
      lookup: capabilities.lookup,
      void: capabilities.void,
      partial_capture: capabilities.partialCapture,
    },
    breaker: { state: health.state, retry_in_ms: health.retryInMs },
    window: {
      seconds: HEALTH_WINDOW_MS / 1000,
      calls: health.calls,
      errors: health.errors,
      declines: health.declines,
      success_rate: health.successRate,
      latency_p50_ms: health.latencyP50Ms,
      latency_p95_ms: health.latencyP95Ms,
    },
    lookups: {
      breaker: { state: health.lookups.state, retry_in_ms: health.lookups.retryInMs },
      calls: health.lookups.calls,
      errors: health.lookups.errors,
    },
  }
}

const listProvidersEndpoint: Endpoint = {
  id: 'listProviders',
  method: 'GET',
  url: '/api/v1/providers',
  permission: 'operations:read',
  summary: 'List the providers with their health',
  description:
    'Those that serve the account in the mode of the request, in the order of the configuration, as this process sees them. The built-in sandbox needs no calls.',
  tag: 'Routing',
  storeless: true,
  query: NoQuery,
  responses: { 200: { description: 'Every provider.', schema: page(ProviderState) } },
  errors: [],
  examples: pageOf('providers', PROVIDER),
  async handle({ context }, request, reply) {
    const data = [...context.providers.values()]
      .filter((provider) => serves(provider, scopeOf(request)))
      .map((provider) => providerView(provider, context.health.snapshot(provider.name)))
    return sendObject(reply, { data, has_more: false })
  },
}

export const providerEndpoints: readonly Endpoint[] = [listProvidersEndpoint]
