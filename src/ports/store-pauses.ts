/** The part of the store port for providers that a person has paused. */
import type { AuditEntry } from '../domain/audit.ts'
import type { ProviderPause } from '../domain/routing/pause.ts'
import type { Scope } from './store.ts'

/** How many pauses of a provider are in force. */
export type PauseTotal = Pick<ProviderPause, 'provider' | 'allAccounts'> & { readonly pauses: number }

export type PauseStore = {
  /** The pauses that apply to a scope: its own, and those of its mode for all accounts. The oldest first. */
  providerPauses(scope: Scope): Promise<ProviderPause[]>
  /** Stores a pause of the scope; one for all accounts has the scope of the operator's account. False if there is one. */
  addProviderPause(scope: Scope, pause: ProviderPause, audit: AuditEntry): Promise<boolean>
  /** Ends a pause of the scope. False unless it is stored as given. */
  removeProviderPause(scope: Scope, pause: ProviderPause, audit: AuditEntry): Promise<boolean>
  /** Over all scopes: what operators watch. */
  pauseTotals(): Promise<PauseTotal[]>
}
