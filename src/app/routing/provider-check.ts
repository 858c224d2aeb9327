/**
 * Finds providers that the database needs and the configuration lacks, for example because the providers' file was
 * forgotten.
 */
import type { Log } from '../../ports/log.ts'
import type { Provider } from '../../ports/provider.ts'
import type { ProviderUse, Scope, Store } from '../../ports/store.ts'
import type { Router } from './router.ts'

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
  /** At most a minute old, except for the rules. Rejects with `StoreUnavailable`. */
  report(scope: Scope): Promise<ProviderReport>
  /**
   * Providers outside this process that charges went to, or that the rules name and that charges would otherwise miss.
   * It does not depend on the current configuration.
   */
  used(scope: Scope): Promise<readonly string[]>
}

export type ProviderCheckOptions = {
  readonly store: Pick<Store, 'providerUse' | 'ledgerAccounts'>
  readonly router: Pick<Router, 'namedProviders'>
  readonly providers: readonly Pick<Provider, 'name' | 'remote'>[]
  /** ms of a clock that does not step back. */
  readonly now: () => number
}

/** The shortest interval between two reads of the database, however often `/ready` is called. */
const FRESH_MS = 60_000

type Need = Omit<MissingProvider, 'inRules'>

/** A check over a store; it caches its last result. */
export function createProviderCheck({ store, router, providers, now }: ProviderCheckOptions): ProviderCheck {
  let cached: { readonly at: number; readonly needs: Promise<readonly Need[]> } | undefined

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
      .filter((provider) => !isThere(provider, open.get(provider)))
      .map((provider) => ({
        provider,
        openAttempts: open.get(provider)?.openAttempts ?? 0,
        toCapture: owed(['authorized'], provider),
        toRefund: owed(['provider', 'refunds', 'disputes'], provider),
      }))
      .filter(({ openAttempts, toCapture, toRefund }) => openAttempts > 0 || toCapture || toRefund)
  }

  /** A sandbox in this process does not replace a provider of the same name that took payments outside it. */
  function isThere(name: string, use: ProviderUse | undefined): boolean {
    const configured = providers.find((provider) => provider.name === name)
    return configured !== undefined && (configured.remote || !use?.remote)
  }

  function cachedNeeds(scope: Scope): Promise<readonly Need[]> {
    if (cached && now() - cached.at < FRESH_MS) return cached.needs
    const current = { at: now(), needs: readNeeds(scope) }
    cached = current
    // After a failure, the next call reads again.
    current.needs.catch(() => {
      if (cached === current) cached = undefined
    })
    return current.needs
  }

  return {
    async report(scope) {
      const parts = await cachedNeeds(scope)
      const named = await router.namedProviders(scope)
      const missing = new Map(parts.map((part) => [part.provider, { ...part, inRules: false }]))
      for (const provider of named) {
        if (providers.some(({ name }) => name === provider) && !missing.has(provider)) continue
        const part = missing.get(provider) ?? { provider, openAttempts: 0, toCapture: false, toRefund: false }
        missing.set(provider, { ...part, inRules: true })
      }
      const routable = named.some((provider) => providers.some(({ name }) => name === provider))
      return { missing: [...missing.values()], routable }
    },
    async used(scope) {
      const configured = new Set(providers.map(({ name }) => name))
      const uses = await store.providerUse(scope)
      const named = await router.namedProviders(scope)
      const used = uses
        .filter(
          (use) => use.remote || (!configured.has(use.provider) && (use.openAttempts > 0 || !use.taken)),
        )
        .map(({ provider }) => provider)
      // Rules that name only missing providers fail every charge, which `/ready` reports and which does no harm.
      const elsewhere = named.some((provider) => configured.has(provider))
      const missed = elsewhere ? named.filter((provider) => !configured.has(provider)) : []
      return [...new Set([...used, ...missed])]
    },
  }
}

/** Why the sandbox must not replace the providers that were used, as a sentence; undefined if none was used. */
export function standInRefused(used: readonly string[]): string | undefined {
  if (used.length === 0) return undefined
  const names =
    used.length > 5 ? `${used.slice(0, 5).join(', ')} and ${used.length - 5} more` : used.join(', ')
  return `The database has charges or rules of ${names}, but no providers file is configured. Set MINIPAY_PROVIDERS to that file, or to "sandbox" if you want the sandbox, which moves no money, to take charges from now on.`
}

/** Logs the providers that the database needs and the configuration lacks. */
export function warnOf({ missing, routable }: ProviderReport, log: Log): void {
  for (const { provider, openAttempts, toCapture, toRefund, inRules } of missing)
    log.warn(
      {
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
      {},
      'Every charge will fail with 502: the routing rules name no configured provider. Go back to the built-in rules with: minipay routing reset',
    )
}
