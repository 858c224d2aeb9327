/** The second step of a delivery: send it as soon as a slot is free, or release it if it would wait for too long. */
import { createBackground } from '../app/background.ts'
import type { Log } from '../ports/log.ts'
import type { ClaimedDelivery } from '../ports/store.ts'
import type { DeliveryLeases } from './claim-deliveries.ts'
import type { WebhookSlots } from './webhook-slots.ts'

export type DispatchOptions = {
  readonly leases: DeliveryLeases
  readonly slots: WebhookSlots
  /** Sends a delivery and settles it; it must occupy a slot before it returns. */
  readonly deliver: (delivery: ClaimedDelivery) => Promise<void>
  readonly release: (delivery: ClaimedDelivery) => Promise<unknown>
  /** Called when there is room for more deliveries, and the store may have some. */
  readonly onRoom: () => void
  /** True once a stop began. */
  readonly isStopping: () => boolean
  readonly log: Log
}

export type Dispatch = {
  /**
   * Fills the free slots. Releases deliveries that were claimed for slots that a silent receiver has lost, and during a
   * stop all that wait.
   */
  run(): void
  /** Resolves when every delivery in flight is settled or released. */
  ended(): Promise<void>
}

export function createDispatch(options: DispatchOptions): Dispatch {
  const { leases, slots, deliver, release, onRoom, isStopping, log } = options
  const background = createBackground()

  function run(): void {
    while (!isStopping() && slots.free()) {
      const next = leases.first()
      if (!next) break
      track(next.delivery, next.sendable ? deliver(next.delivery) : release(next.delivery))
    }
    for (const delivery of leases.beyond(isStopping() ? 0 : slots.mostWaiting()))
      track(delivery, release(delivery))
    const waiting = leases.waiting()
    if (leases.moreDue() && waiting < slots.ahead() / 2 && slots.isWorthClaiming(waiting)) onRoom()
  }

  function track(delivery: ClaimedDelivery, work: Promise<unknown>): void {
    const done = work
      .catch((error) => {
        log.warn(
          { delivery: delivery.id, err: error },
          'A delivery could not be settled; MiniPay sends it again when its lease ends.',
        )
      })
      .then(() => leases.end(delivery))
    background.add(done)
  }

  return { run, ended: background.ended }
}
