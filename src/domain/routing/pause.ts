/** A person has paused a provider: no new charge goes to it until a person resumes it. */
import type { Actor } from '../audit.ts'

export type ProviderPause = {
  readonly provider: string
  /** For the charges of all accounts, of the provider's mode; otherwise for those of one account and mode. */
  readonly allAccounts: boolean
  readonly reason: string
  /** Who paused it. */
  readonly pausedBy: Actor
  /** ms since 1970. */
  readonly pausedAt: number
}

/** Why routing passed over a provider, in the story of a charge. */
export const PAUSED = 'paused'
