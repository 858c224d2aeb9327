/** Webhook endpoints are made, changed, enabled, disabled and deleted; each change has its audit entry in the same commit. */
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Scope } from '../../domain/scope.ts'
import {
  type DescribedEndpoint,
  describedEndpoint,
  type EndpointRequest,
} from '../../domain/webhooks/described.ts'
import {
  DEFAULT_ENDPOINT,
  deletedEndpoint,
  MAX_ENDPOINTS,
  type SealedSecret,
  type WebhookEndpoint,
} from '../../domain/webhooks/endpoint.ts'
import type { Log } from '../../ports/log.ts'
import { secretContext, VaultError } from '../../ports/vault.ts'
import type { Audit } from '../audit.ts'
import type { Context } from '../context.ts'
import { endpointAudited } from './audited.ts'

const NO_KEY = 'The server has no key for stored secrets; its operator finds the reason in the log.'
const SECRET_BYTES = 32
/** How long a rotated secret still signs, in ms, unless chosen; and the longest choice. */
const OVERLAP_MS = 86_400_000
const MAX_OVERLAP_MS = 30 * 86_400_000
/** Every secret adds a signature to each request. */
const MAX_SECRETS = 5

export type WebhookContext = Pick<
  Context,
  | 'now'
  | 'newId'
  | 'runtime'
  | 'store'
  | 'vault'
  | 'checkTarget'
  | 'webhooks'
  | 'log'
  | 'requests'
  | 'idempotencyWaitMs'
>

/** A new endpoint, or one with a new secret. The secret is shown this once. */
export type WithSecret = { readonly endpoint: WebhookEndpoint; readonly secret: string }

/**
 * Makes an endpoint, which gets the events that are stored from now on. Rejections: as `describedEndpoint`;
 * `webhook_endpoint_limit_reached`; `secrets_key_missing`. Rejects with `StoreUnavailable`.
 */
export async function createEndpoint(
  context: WebhookContext,
  scope: Scope,
  request: EndpointRequest,
  audit: Audit,
): Promise<WithSecret | Rejection> {
  const { store, newId, now, webhooks } = context
  const id = newId('we')
  const described = sealedHeaders(
    context,
    scope,
    id,
    request,
    describedEndpoint(request, context.checkTarget),
  )
  if (isRejection(described)) return described
  const made = newSecret(context, scope, id)
  if (isRejection(made)) return made
  const endpoint: WebhookEndpoint = {
    ...{ ...described, id, scope, secrets: [made.sealed], status: 'enabled', disabledReason: null },
    ...{ version: 1, createdAt: now(), deletedAt: null },
  }
  const entry = audit(endpointAudited('webhook_endpoint.created', null, endpoint))
  if (!(await store.addWebhookEndpoint(endpoint, entry)))
    return reject(
      'webhook_endpoint_limit_reached',
      `An account has at most ${MAX_ENDPOINTS} webhook endpoints in each mode. Delete one that you no longer need.`,
    )
  webhooks.wake()
  return { endpoint, secret: made.secret }
}

/** Rejection: `webhook_endpoint_not_found`, also for a deleted one. */
export async function findEndpoint(
  { store }: Pick<WebhookContext, 'store'>,
  scope: Scope,
  id: string,
): Promise<WebhookEndpoint | Rejection> {
  const found = await store.webhookEndpoint(scope, id)
  return found && found.deletedAt === null ? found : notFound('webhook endpoint', id)
}

/**
 * Changes the given fields. With `version`, only an endpoint at that version. Without one, a concurrent change of other
 * fields is kept, and one of the same fields is a conflict. Rejections: as `describedEndpoint`;
 * `webhook_endpoint_not_found`, `webhook_endpoint_configured`, `webhook_endpoint_version_conflict`. Rejects with
 * `StoreUnavailable`.
 */
export async function updateEndpoint(
  context: WebhookContext,
  scope: Scope,
  id: string,
  { version, ...request }: EndpointRequest & { readonly version?: number | undefined },
  audit: Audit,
): Promise<WebhookEndpoint | Rejection> {
  const { checkTarget } = context
  let first: WebhookEndpoint | undefined
  return change(context, scope, id, audit, 'webhook_endpoint.updated', (before) => {
    if (version !== undefined && version !== before.version) return conflict(before)
    const wanting = describedEndpoint(request, checkTarget, before)
    const described = sealedHeaders(context, scope, id, request, wanting)
    if (isRejection(described)) return described
    const changed = Object.keys(described) as (keyof typeof described)[]
    const wanted = changed.filter((field) => !isEqual(described[field], before[field]))
    // Somebody else changed the endpoint between our reading and our write.
    first ??= before
    const others = changed.filter((field) => !isEqual((first as WebhookEndpoint)[field], before[field]))
    if (others.some((field) => wanted.includes(field))) return conflict(before)
    return wanted.length === 0 ? before : { ...before, ...described }
  })
}

/** Enables an endpoint: it gets all events since it was disabled. Rejections as `updateEndpoint`'s, without conflicts. */
export function enableEndpoint(context: WebhookContext, scope: Scope, id: string, audit: Audit) {
  return change(context, scope, id, audit, 'webhook_endpoint.enabled', (before) =>
    before.status === 'enabled' ? before : { ...before, status: 'enabled', disabledReason: null },
  )
}

/** Disables an endpoint: its events wait. Rejections as `updateEndpoint`'s, without conflicts. */
export function disableEndpoint(context: WebhookContext, scope: Scope, id: string, audit: Audit) {
  return change(context, scope, id, audit, 'webhook_endpoint.disabled', (before) =>
    before.status === 'disabled' ? before : { ...before, status: 'disabled', disabledReason: 'request' },
  )
}

/** Deletes an endpoint for ever, with its secrets. Rejections as `updateEndpoint`'s, without conflicts. */
export function deleteEndpoint(context: WebhookContext, scope: Scope, id: string, audit: Audit) {
  return change(context, scope, id, audit, 'webhook_endpoint.deleted', (before) =>
    deletedEndpoint(before, context.now()),
  )
}

/**
 * Gives an endpoint a new secret. The former one still signs for the overlap (ms, 0 to 30 days), beside the new one; at
 * most `MAX_SECRETS` sign at once. Rejections: `parameter_invalid`; as `createEndpoint` and `updateEndpoint`.
 */
export async function rotateSecret(
  context: WebhookContext,
  scope: Scope,
  id: string,
  overlapMs: number = OVERLAP_MS,
  audit: Audit,
): Promise<WithSecret | Rejection> {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > MAX_OVERLAP_MS)
    return reject('parameter_invalid', 'The overlap must be 0 seconds to 30 days.', 'overlap_seconds')
  const now = context.now()
  let secret = ''
  const endpoint = await change(context, scope, id, audit, 'webhook_endpoint.secret_rotated', (before) => {
    const made = newSecret(context, scope, id)
    if (isRejection(made)) return made
    secret = made.secret
    const former = before.secrets
      .map((one) => endedAt(one, now + overlapMs))
      .filter(({ until }) => until > now)
    return { ...before, secrets: [made.sealed, ...former].slice(0, MAX_SECRETS) }
  })
  return isRejection(endpoint) ? endpoint : { endpoint, secret }
}

/** The secret, which ends then, or earlier if it ends earlier anyway. */
function endedAt({ sealed, until }: SealedSecret, end: number): SealedSecret & { readonly until: number } {
  return { sealed, until: Math.min(until ?? Number.POSITIVE_INFINITY, end) }
}

/** `whsec_` and base64, as Standard Webhooks has it. */
function newSecret(
  { runtime, vault, log }: WebhookContext,
  scope: Scope,
  id: string,
): { readonly secret: string; readonly sealed: SealedSecret } | Rejection {
  const random = new Uint8Array(SECRET_BYTES)
  runtime.random(random)
  const secret = `whsec_${Buffer.from(random).toString('base64')}`
  return orKeyMissing(log, id, () => ({
    ...{ secret, sealed: { sealed: vault.seal(secret, secretContext(scope, id)), until: null } },
  }))
}

/** The described endpoint; header values of the request, which may be secrets, are sealed as those of a stored endpoint are. */
function sealedHeaders(
  { vault, log }: WebhookContext,
  scope: Scope,
  id: string,
  request: EndpointRequest,
  described: DescribedEndpoint | Rejection,
): DescribedEndpoint | Rejection {
  if (isRejection(described) || !request.headers) return described
  const seal = ([name, value]: [string, string]) => [name, vault.seal(value, secretContext(scope, id))]
  return orKeyMissing(log, id, () => ({
    ...described,
    headers: Object.fromEntries(Object.entries(described.headers).map(seal)),
  }))
}

/** The vault's reason names files and settings of the server: it is for the operator alone. */
function orKeyMissing<T>(log: Log, endpoint: string, seal: () => T): T | Rejection {
  try {
    return seal()
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    log.error({ endpoint, reason: error.message }, 'The secret of a webhook endpoint cannot be encrypted.')
    return reject('secrets_key_missing', NO_KEY)
  }
}

function conflict({ version }: WebhookEndpoint): Rejection {
  return reject(
    'webhook_endpoint_version_conflict',
    `Another change came first: the webhook endpoint is at version ${version}. Read it, and change it again.`,
    'version',
  )
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Changes a stored endpoint; decides again from its newest state if it was changed meanwhile. */
async function change(
  context: WebhookContext,
  scope: Scope,
  id: string,
  audit: Audit,
  action: Parameters<typeof endpointAudited>[0],
  decide: (endpoint: WebhookEndpoint) => WebhookEndpoint | Rejection,
): Promise<WebhookEndpoint | Rejection> {
  for (;;) {
    const before = await findEndpoint(context, scope, id)
    if (isRejection(before)) return before
    if (id === DEFAULT_ENDPOINT) return CONFIGURED
    const decided = decide(before)
    if (isRejection(decided) || decided === before) return decided
    const after = { ...decided, version: before.version + 1 }
    if (
      await context.store.changeWebhookEndpoint(before, after, audit(endpointAudited(action, before, after)))
    ) {
      context.webhooks.wake()
      return after
    }
  }
}

const CONFIGURED = reject(
  'webhook_endpoint_configured',
  'This is the endpoint of the setting WEBHOOK_TARGET. Change it in the configuration of MiniPay.',
  'id',
)
