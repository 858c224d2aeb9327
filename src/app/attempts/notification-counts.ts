/** The notifications that this process got from each provider, in memory: counting them must not cost a write. */

/** What became of a notification. */
export type NotificationFate = 'stored' | 'duplicate' | 'refused'

export type NotificationCount = {
  /** Those whose signature fitted, repeated ones included. */
  readonly verified: number
  readonly refused: number
  /** When the last verified one came, in ms since 1970; null: none came yet. */
  readonly lastVerifiedAt: number | null
}

export type NotificationCounts = {
  count(provider: string, fate: NotificationFate): void
  of(provider: string): NotificationCount
}

const NONE: NotificationCount = { verified: 0, refused: 0, lastVerifiedAt: null }

/** The names are those of configured providers, so there are few. */
export function createNotificationCounts(now: () => number): NotificationCounts {
  const counts = new Map<string, NotificationCount>()
  const of = (provider: string) => counts.get(provider) ?? NONE
  return {
    count(provider, fate) {
      const before = of(provider)
      const after =
        fate === 'refused'
          ? { ...before, refused: before.refused + 1 }
          : { ...before, verified: before.verified + 1, lastVerifiedAt: now() }
      counts.set(provider, after)
    },
    of,
  }
}
