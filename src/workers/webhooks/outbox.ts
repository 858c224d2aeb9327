/** Results of one endpoint that are not stored yet. */
import type { DeliveryResult } from '../../ports/store-webhooks.ts'

export type Outbox = {
  /** Adds a result. One of the same delivery that was not collected yet is replaced: it had nothing to store but a wait. */
  add(result: DeliveryResult): void
  /** Those to store now; they stay until `stored` or `drop`. */
  collect(): readonly DeliveryResult[]
  /** Forgets those that were collected, which are stored. */
  stored(): readonly DeliveryResult[]
  drop(): void
  /** How many are not stored. */
  size(): number
}

export function createOutbox(): Outbox {
  let added = new Map<string, DeliveryResult>()
  let collected: readonly DeliveryResult[] = []
  return {
    add(result) {
      const { id } = result.delivery
      const former = added.get(id)
      added.set(id, former ? { ...result, revision: former.revision } : result)
    },
    collect() {
      collected = [...added.values()]
      added = new Map()
      return collected
    },
    stored() {
      const done = collected
      collected = []
      return done
    },
    drop() {
      added = new Map()
      collected = []
    },
    size: () => added.size + collected.length,
  }
}
