/** Providers that people have paused: read at most once a second for each scope, as routing rules are. */
import { type Rejection, reject } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { ProviderPause } from '../../domain/routing/pause.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import type { Provider } from '../../ports/provider.ts'
import type { Scope, Store } from '../../ports/store.ts'
import type { Audit, AuditedAction } from '../audit.ts'
import type { Context } from '../context.ts'
import { createScopedCache } from '../scoped-cache.ts'
import { serves } from './serving.ts'

/** The names of the providers to which no new charge of a scope goes now. */
export type Paused = ReadonlySet<string>

export type Pauses = {
  /**
   * At once if they were read within the last second, and otherwise a promise, which rejects with `StoreUnavailable`. So a
   * pause that another node stored counts here within a second.
   */
  of(scope: Scope): Paused | Promise<Paused>
  /** After a change in this process, the next charge of every scope sees it. */
  forget(): void
}

const NONE: Paused = new Set()

export function createPauses(store: Pick<Store, 'providerPauses'>, now: () => number): Pauses {
  const cache = createScopedCache<Paused>({
    async load(scope) {
      const pauses = await store.providerPauses(scope)
      return pauses.length === 0 ? NONE : new Set(pauses.map(({ provider }) => provider))
    },
    now,
  })
  return { of: cache.get, forget: cache.clear }
}

/** Who pauses or resumes a provider. */
export type PauseRequest = {
  readonly scope: Scope
  readonly actor: string
  /** Whether the caller may act for all accounts. */
  readonly mayAll: boolean
  readonly provider: string
  readonly allAccounts: boolean
  readonly reason: string
  readonly audit: Audit
}

/**
 * Pauses a provider for the caller's account, or for all accounts. One that is paused so already keeps its pause: of two
 * people at once, the first one's reason is stored. Rejections: `provider_not_found`, `permission_denied`.
 */
export async function pauseProvider(context: Context, request: PauseRequest): Promise<Provider | Rejection> {
  const found = pausable(context, request)
  if ('rejected' in found) return found
  const { provider: name, allAccounts, reason, actor, audit } = request
  const pause = { provider: name, allAccounts, reason, pausedBy: actor, pausedAt: context.now() }
  const entry = audit({ action: 'provider.paused', object: name, after: factsOf(pause) })
  await context.store.addProviderPause(scopeOf(request, found), pause, entry).finally(context.pauses.forget)
  return found
}

/**
 * Ends a pause of the caller's account, or the one for all accounts. Without such a pause, changes nothing. Rejections:
 * `provider_not_found`, `permission_denied`.
 */
export async function resumeProvider(context: Context, request: PauseRequest): Promise<Provider | Rejection> {
  const found = pausable(context, request)
  if ('rejected' in found) return found
  const { provider: name, allAccounts, reason, audit } = request
  const scope = scopeOf(request, found)
  for (;;) {
    const pauses = await context.store.providerPauses(scope)
    const pause = pauses.find((one) => one.provider === name && one.allAccounts === allAccounts)
    if (!pause) return found
    const entry = audit(resumed(pause, reason))
    const removing = context.store.removeProviderPause(scope, pause, entry)
    if (await removing.finally(context.pauses.forget)) return found
  }
}

/** The provider. A caller finds those that serve its scope; with the right to act for all accounts, every one. */
function pausable(
  { providers }: Pick<Context, 'providers'>,
  { scope, mayAll, provider: name, allAccounts }: PauseRequest,
): Provider | Rejection {
  if (allAccounts && !mayAll)
    return reject(
      'permission_denied',
      'all_accounts needs the permission accounts:write, which only live keys of the first account can have.',
      'all_accounts',
    )
  const provider = providers.get(name)
  if (provider && (allAccounts || serves(provider, scope))) return provider
  return reject(
    'provider_not_found',
    `No provider with the name ${name} serves this account and mode.`,
    'name',
  )
}

function scopeOf({ scope, allAccounts }: PauseRequest, { mode }: Provider): Scope {
  return allAccounts ? { accountId: OPERATOR_ACCOUNT, mode } : scope
}

const factsOf = ({ allAccounts, reason }: ProviderPause) =>
  canonicalJson({ all_accounts: allAccounts, reason })

function resumed(pause: ProviderPause, reason: string): AuditedAction {
  const after = canonicalJson({ all_accounts: pause.allAccounts, reason })
  return { action: 'provider.resumed', object: pause.provider, before: factsOf(pause), after }
}
