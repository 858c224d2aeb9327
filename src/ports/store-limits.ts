/** The part of the store port for velocity limits. The commits change their counters: see `Commit.limits`. */
import type { Scope } from '../domain/scope.ts'
import type { VelocityCounter } from '../domain/velocity.ts'

export type LimitStore = {
  /** The stored ones of these counters, in any order. */
  velocityCounters(scope: Scope, counters: readonly string[]): Promise<VelocityCounter[]>
  /** Deletes up to `limit` counters that count no more from `before` on, in ms since 1970; returns their number. */
  purgeVelocityCounters(before: number, limit: number): Promise<number>
}
