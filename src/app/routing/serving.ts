/** Which providers take part in the charges of an account and a mode. */
import type { Provider, RemoteProvider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import type { Context } from '../context.ts'

type Configured = Pick<Context, 'providers'>

/** Whether new charges of this account and mode may go to a provider. */
export function serves({ mode, accounts }: Provider, scope: Scope): boolean {
  return mode === scope.mode && (accounts === undefined || accounts.has(scope.accountId))
}

/** The provider with this name, if new charges of the scope may go to it. */
export function servingProvider({ providers }: Configured, scope: Scope, name: string): Provider | undefined {
  const provider = providers.get(name)
  return provider && serves(provider, scope) ? provider : undefined
}

/**
 * The provider that has a charge of this scope, for its captures, cancels, refunds and lookups: it keeps the charges of
 * an account that it no longer serves. It is never one of the other mode, even if the configuration gave a name another
 * mode: a call of a test charge must not reach a provider that moves money.
 */
export function holdingProvider({ providers }: Configured, scope: Scope, name: string): Provider | undefined {
  const provider = providers.get(name)
  return provider?.mode === scope.mode ? provider : undefined
}

/** The same, if its calls go over the network. */
export function remoteProvider(context: Configured, scope: Scope, name: string): RemoteProvider | undefined {
  const provider = holdingProvider(context, scope, name)
  return provider?.remote ? provider : undefined
}
