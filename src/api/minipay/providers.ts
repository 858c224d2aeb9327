import type { NotificationCount } from '../../app/attempts/notification-counts.ts'
import type { Context } from '../../app/context.ts'
import { HEALTH_WINDOW_MS } from '../../app/routing/health.ts'
import { pauseProvider, resumeProvider } from '../../app/routing/pauses.ts'
import { serves } from '../../app/routing/serving.ts'
import { isRejection } from '../../domain/error.ts'
import type { ProviderPause } from '../../domain/routing/pause.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import { NoQuery, type Reply, type Request, sendObject } from '../../http/endpoint.ts'
import { object, type Static } from '../../http/schema.ts'
import type { Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { auditing, scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { PAUSE, PROVIDER } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { providerName } from './fields.ts'
import { page } from './lists.ts'
import { bodyValidator } from './parameters.ts'
import { PauseBody, ProviderState, type ProviderView, ResumeBody } from './provider-schemas.ts'
import { timeOrNull, timestamp } from './views.ts'

const validPause = bodyValidator(PauseBody)
const validResume = bodyValidator(ResumeBody)
const providerParams = object({ name: { ...providerName, examples: ['bank_a'] } })

/** A provider as a scope sees it, with its `pauses`. */
function providerView(
  { health: { snapshot }, calls, notifications }: Pick<Context, 'health' | 'calls' | 'notifications'>,
  { name, kind, mode, remote, capabilities, concurrency, paymentUrl }: Provider,
  pauses: readonly ProviderPause[],
  scope: Scope,
): ProviderView {
  const health = snapshot(name)
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
    payment_url: paymentUrl ?? null,
    notification_path: remote ? `/providers/${name}/notifications` : null,
    pauses: pauses.filter(({ provider }) => provider === name).map((pause) => pauseView(pause, scope)),
    calls: {
      in_flight: calls.inFlight(name, 'requests'),
      recovery_in_flight: calls.inFlight(name, 'recovery'),
      concurrency: Number.isFinite(concurrency) ? concurrency : null,
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
    notifications: remote ? notificationsView(notifications.of(name)) : null,
  }
}

function notificationsView({ verified, refused, lastVerifiedAt }: NotificationCount) {
  return { verified, refused, last_verified_at: timeOrNull(lastVerifiedAt) }
}

/** The operator's words and the ids of its keys are for its own account. */
function pauseView(
  { allAccounts, reason, pausedBy, pausedAt }: ProviderPause,
  { accountId }: Scope,
): ProviderView['pauses'][number] {
  const hidden = allAccounts && accountId !== OPERATOR_ACCOUNT
  return {
    all_accounts: allAccounts,
    reason: hidden ? null : reason,
    paused_by: hidden ? 'operator' : pausedBy,
    paused_at: timestamp(pausedAt),
  }
}

const listProvidersEndpoint: Endpoint = {
  id: 'listProviders',
  method: 'GET',
  url: '/api/v1/providers',
  permission: 'operations:read',
  summary: 'List the providers with their health',
  description:
    'Those that serve the account in the mode of the request, in the order of the configuration, as this process sees them, and the pauses of all nodes. The built-in sandbox needs no calls.',
  tag: 'Routing',
  query: NoQuery,
  responses: { 200: { description: 'Every provider.', schema: page(ProviderState) } },
  errors: [],
  examples: pageOf('providers', PROVIDER),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const pauses = await context.store.providerPauses(scope)
    const data = [...context.providers.values()]
      .filter((provider) => serves(provider, scope))
      .map((provider) => providerView(context, provider, pauses, scope))
    return sendObject(reply, { data, has_more: false })
  },
}

const WHOM =
  'It applies to the charges of your account and mode; with `all_accounts`, to those of all accounts. The other pause, if there is one, stays as it is.'

const pauseProviderEndpoint: Endpoint = {
  id: 'pauseProvider',
  method: 'POST',
  url: '/api/v1/providers/:name/pause',
  permission: 'operations:write',
  summary: 'Pause a provider',
  description: `MiniPay passes it over for new charges, on every node within a second, and across restarts, until it is resumed. Payments that it has are not affected: captures, cancels, refunds, lookups and notifications go on. ${WHOM} A paused provider stays as it is, with its first reason, so this request needs no Idempotency-Key.`,
  tag: 'Routing',
  params: providerParams,
  query: NoQuery,
  body: PauseBody,
  responses: { 200: { description: 'The paused provider.', schema: ProviderState } },
  errors: ['provider_not_found'],
  examples: [
    {
      name: 'paused',
      summary: 'A paused provider',
      body: { reason: PAUSE.reason },
      status: 200,
      response: { ...PROVIDER, pauses: [PAUSE] },
    },
  ],
  async handle({ context }, request, reply) {
    return sendProvider(context, request, reply, pauseProvider, validPause(request.body))
  },
}

const resumeProviderEndpoint: Endpoint = {
  id: 'resumeProvider',
  method: 'POST',
  url: '/api/v1/providers/:name/resume',
  permission: 'operations:write',
  summary: 'Resume a paused provider',
  description: `New charges go to it again, on every node within a second. ${WHOM} A provider without such a pause stays as it is, so this request needs no Idempotency-Key.`,
  tag: 'Routing',
  params: providerParams,
  query: NoQuery,
  body: ResumeBody,
  responses: { 200: { description: 'The provider.', schema: ProviderState } },
  errors: ['provider_not_found'],
  examples: [
    {
      name: 'resumed',
      summary: 'A provider that is in use again',
      body: { reason: 'Bank A has corrected it.' },
      status: 200,
      response: PROVIDER,
    },
  ],
  async handle({ context }, request, reply) {
    return sendProvider(context, request, reply, resumeProvider, validResume(request.body))
  },
}

/** Pauses or resumes a provider, and sends it as it is then. */
async function sendProvider(
  context: Context,
  request: Request,
  reply: Reply,
  change: typeof pauseProvider,
  { reason, all_accounts: allAccounts = false }: Static<typeof PauseBody>,
): Promise<Reply> {
  const { scope, actor, permissions } = request.caller
  const mayAll = permissions.has('accounts:write')
  const { name: provider } = request.params as { name: string }
  const audit = auditing(context, request)
  const changed = await change(context, { ...{ scope, actor, mayAll, provider, allAccounts, reason, audit } })
  if (isRejection(changed)) return sendRejection(reply, changed)
  const pauses = await context.store.providerPauses({ ...scope, mode: changed.mode })
  return sendObject(reply, providerView(context, changed, pauses, scope))
}

export const providerEndpoints: readonly Endpoint[] = [
  listProvidersEndpoint,
  pauseProviderEndpoint,
  resumeProviderEndpoint,
]
