/**
 * Finds providers that the database needs and the configuration lacks, for example because the providers' file was
 * forgotten.
 */
import { MODES, OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import type { Log } from '../../ports/log.ts'
import type { Provider } from '../../ports/provider.ts'
import type { ProviderUse, Scope, Store } from '../../ports/store.ts'
import type { Router } from './router.ts'
import { serves } from './serving.ts'

/** The work in the database of a provider that is not configured. */
export type MissingProvider = {
  readonly provider: string
  /** Attempts whose outcome MiniPay cannot look up; counts at most a thousand of each state. */
  readonly openAttempts: number
  /** True if it holds money that MiniPay can neither capture nor release. */
  readonly toCapture: boolean
  /** True if it has money of charges that MiniPay cannot refund, or of open refunds and disputes. */
  readonly toRefund: boolean
  /** The routing rules name it. */
  readonly inRules: boolean
}

export type ProviderReport = {
  readonly missing: readonly MissingProvider[]
  /** False when no provider that the rules name is configured: then every charge fails with 502. */
  readonly routable: boolean
}

export type ProviderCheck = {
  /**
   * Of every scope with charges or rules, at most 200 of them, a provider's needs together; routable if one of these
   * scopes is. At most a minute old, except for the rules. Rejects with `StoreUnavailable`.
   */
  report(): Promise<ProviderReport>
  /** The same for each of these scopes by itself. */
  reports(): Promise<readonly ScopedReport[]>
  /**
   * Providers outside this process that charges went to, or that the rules name and that charges would otherwise miss,
   * in any of these scopes. It does not depend on the current configuration.
   */
  used(): Promise<readonly string[]>
}

export type ScopedReport = ProviderReport & { readonly scope: Scope }

export type ProviderCheckOptions = {
  readonly store: Pick<Store, 'providerUse' | 'ledgerAccounts' | 'usedScopes'>
  readonly router: Pick<Router, 'namedProviders'>
  readonly providers: readonly Provider[]
  /** ms of a clock that does not step back. */
  readonly now: () => number
}

/** The shortest interval between two reads of the database, however often `/ready` is called. */
const FRESH_MS = 60_000

/** The most scopes that a check reads. */
const MAX_SCOPES = 200

type Need = Omit<MissingProvider, 'inRules'>
type Needs = { readonly scope: Scope; readonly needs: readonly Need[] }

/** A check over a store; it caches its last result. */
export function createProviderCheck({ store, router, providers, now }: ProviderCheckOptions): ProviderCheck {
  let cached: { readonly at: number; readonly needs: Promise<readonly Needs[]> } | undefined

  async function readAll(): Promise<readonly Needs[]> {
    const all: Needs[] = []
    // One scope after another: a starting node has few connections.
    for (const scope of await usedScopes(store, providers)) all.push({ scope, needs: await readNeeds(scope) })
    return all
  }

  async function readNeeds(scope: Scope): Promise<readonly Need[]> {
    const uses = await store.providerUse(scope)
    const accounts = await store.ledgerAccounts(scope)
    const open = new Map(uses.map((use) => [use.provider, use]))
    const owed = (kinds: readonly string[], provider: string) =>
      accounts.some(
        ({ account, balance }) => balance !== 0n && kinds.some((kind) => account === `${kind}:${provider}`),
      )
    const named = accounts.flatMap(({ account }) => /^(?:provider|authorized):(.+)$/.exec(account)?.[1] ?? [])
    return [...new Set([...open.keys(), ...named])]
      .filter((provider) => !isThere(provider, scope, open.get(provider)))
      .map((provider) => ({
        provider,
        openAttempts: open.get(provider)?.openAttempts ?? 0,
        toCapture: owed(['authorized'], provider),
        toRefund: owed(['provider', 'refunds', 'disputes'], provider),
      }))
      .filter(({ openAttempts, toCapture, toRefund }) => openAttempts > 0 || toCapture || toRefund)
  }

  /**
   * A sandbox in this process does not replace a provider of the same name that took payments outside it, and a provider
   * of the other mode replaces none.
   */
  function isThere(name: string, { mode }: Scope, use: ProviderUse | undefined): boolean {
    const configured = providers.find((provider) => provider.name === name)
    return configured !== undefined && configured.mode === mode && (configured.remote || !use?.remote)
  }

  function cachedNeeds(): Promise<readonly Needs[]> {
    if (cached && now() - cached.at < FRESH_MS) return cached.needs
    const current = { at: now(), needs: readAll() }
    cached = current
    // After a failure, the next call reads again.
    current.needs.catch(() => {
      if (cached === current) cached = undefined
    })
    return current.needs
  }

  async function reportOf({ scope, needs }: Needs): Promise<ScopedReport> {
    const named = await router.namedProviders(scope)
    const isServing = (name: string) =>
      providers.some((provider) => provider.name === name && serves(provider, scope))
    const missing = new Map(needs.map((part) => [part.provider, { ...part, inRules: false }]))
    for (const provider of named) {
      if (isServing(provider) && !missing.has(provider)) continue
      const part = missing.get(provider) ?? { provider, openAttempts: 0, toCapture: false, toRefund: false }
      missing.set(provider, { ...part, inRules: true })
    }
    return { scope, missing: [...missing.values()], routable: named.some(isServing) }
  }

  async function reports(): Promise<readonly ScopedReport[]> {
    const all: ScopedReport[] = []
    for (const needs of await cachedNeeds()) all.push(await reportOf(needs))
    return all
  }

  return {
    reports,
    async report() {
      const all = await reports()
      return { missing: together(all), routable: all.some(({ routable }) => routable) }
    },
    async used() {
      const used = new Set<string>()
      for (const scope of await usedScopes(store, providers)) {
        const serving = new Set(
          providers.filter((provider) => serves(provider, scope)).map(({ name }) => name),
        )
        const named = await router.namedProviders(scope)
        for (const use of await store.providerUse(scope))
          if (use.remote || (!serving.has(use.provider) && (use.openAttempts > 0 || !use.taken)))
            used.add(use.provider)
        // Rules that name only missing providers fail every charge, which `/ready` reports and which does no harm.
        const elsewhere = named.some((provider) => serving.has(provider))
        if (elsewhere) for (const provider of named) if (!serving.has(provider)) used.add(provider)
      }
      return [...used]
    },
  }
}

/** The scopes with charges or rules, and those of the operator's account that a provider serves. */
async function usedScopes(
  store: Pick<Store, 'usedScopes'>,
  providers: readonly Provider[],
): Promise<readonly Scope[]> {
  const used = await store.usedScopes(MAX_SCOPES)
  const own = MODES.map((mode) => ({ accountId: OPERATOR_ACCOUNT, mode }))
  const isUsed = (scope: Scope) =>
    used.some(({ accountId, mode }) => accountId === scope.accountId && mode === scope.mode)
  const unused = own.filter(
    (scope) => !isUsed(scope) && providers.some((provider) => serves(provider, scope)),
  )
  return [...unused, ...used]
}

/** The needs of every scope for each provider. */
function together(reports: readonly ProviderReport[]): MissingProvider[] {
  const missing = new Map<string, MissingProvider>()
  for (const one of reports.flatMap((report) => report.missing)) {
    const { provider, openAttempts, toCapture, toRefund, inRules } = missing.get(one.provider) ?? one
    const isFirst = !missing.has(one.provider)
    missing.set(provider, {
      provider,
      openAttempts: isFirst ? openAttempts : openAttempts + one.openAttempts,
      toCapture: toCapture || one.toCapture,
      toRefund: toRefund || one.toRefund,
      inRules: inRules || one.inRules,
    })
  }
  return [...missing.values()]
}

/** Why the sandbox must not replace the providers that were used, as a sentence; undefined if none was used. */
export function standInRefused(used: readonly string[]): string | undefined {
  if (used.length === 0) return undefined
  const names =
    used.length > 5 ? `${used.slice(0, 5).join(', ')} and ${used.length - 5} more` : used.join(', ')
  return `The database has charges or rules of ${names}, but no providers file is configured. Set MINIPAY_PROVIDERS to that file, or to "sandbox" if you want the sandbox, which moves no money, to take charges from now on.`
}

/** Logs the providers that the database needs and the configuration lacks. */
export function warnOf({ scope, missing, routable }: ScopedReport, log: Log): void {
  const { accountId: account, mode } = scope
  for (const { provider, openAttempts, toCapture, toRefund, inRules } of missing)
    log.warn(
      {
        account,
        mode,
        provider,
        open_attempts: openAttempts,
        to_capture: toCapture,
        to_refund: toRefund,
        in_rules: inRules,
      },
      'The database needs a provider that is not configured. See MINIPAY_PROVIDERS.',
    )
  if (!routable)
    log.warn(
      { account, mode },
      'Every charge will fail with 502: the routing rules name no configured provider of this mode. Go back to the built-in rules with: minipay routing reset',
    )
}
