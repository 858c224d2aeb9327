/** The first step of a delivery: lease due deliveries, and keep them in order until a slot is free. */
import type { Runtime } from '../ports/runtime.ts'
import type { ClaimedDelivery, Store } from '../ports/store.ts'
import { DEADLINE_MS } from './webhooks/client.ts'

/** A settlement may wait this long for the database. */
export const DELIVERY_SETTLE_MS = 10_000
/** A leased delivery waits for its slot at most ten seconds; the lease then outlives the slowest attempt and its settlement. */
export const LEASE_MS = 10_000 + DEADLINE_MS + DELIVERY_SETTLE_MS

type Lease = { readonly delivery: ClaimedDelivery; readonly leaseUntil: number }

/** The deliveries of one endpoint that this process has leased. */
export type DeliveryLeases = {
  /** How many wait for a slot. */
  waiting(): number
  /** True if the store may have more due deliveries than the last claim took. */
  moreDue(): boolean
  /** Leases up to `limit` due deliveries. Rejects with `StoreUnavailable`. */
  claim(limit: number): Promise<void>
  /** Skips a claim: the next free slots make up for it. */
  postpone(): void
  /** Takes the delivery that waits longest, and whether its lease is long enough to send it. */
  first(): { readonly delivery: ClaimedDelivery; readonly sendable: boolean } | undefined
  /** Takes all deliveries but those `count` that wait longest. */
  beyond(count: number): readonly ClaimedDelivery[]
  /** Forgets a delivery that was settled or released. */
  end(delivery: ClaimedDelivery): void
}

export type ClaimOptions = {
  readonly store: Pick<Store, 'claimDeliveries'>
  readonly endpoint: string
  readonly runtime: Pick<Runtime, 'uuid'>
  /** ms since 1970. */
  readonly now: () => number
}

export function createDeliveryLeases({ store, endpoint, runtime, now }: ClaimOptions): DeliveryLeases {
  const waiting: Lease[] = []
  /** The ids of all leased deliveries, waiting or in flight: none of them starts a second time. */
  const leased = new Set<string>()
  let moreDue = false
  return {
    waiting: () => waiting.length,
    moreDue: () => moreDue,
    async claim(limit) {
      const at = now()
      const leaseUntil = at + LEASE_MS
      const claimed = await store.claimDeliveries({
        endpoint,
        limit,
        now: at,
        leaseUntil,
        token: runtime.uuid(),
      })
      moreDue = claimed.length === limit
      // A process that was paused past its lease may claim a delivery that it is still sending: skip it, and let the
      // new lease end.
      for (const delivery of claimed) {
        if (leased.has(delivery.id)) continue
        leased.add(delivery.id)
        waiting.push({ delivery, leaseUntil })
      }
    },
    postpone() {
      moreDue = true
    },
    first() {
      const lease = waiting.shift()
      return (
        lease && {
          delivery: lease.delivery,
          sendable: now() < lease.leaseUntil - DEADLINE_MS - DELIVERY_SETTLE_MS,
        }
      )
    },
    beyond: (count) => waiting.splice(count).map(({ delivery }) => delivery),
    end: ({ id }) => void leased.delete(id),
  }
}
