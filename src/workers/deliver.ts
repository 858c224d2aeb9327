/** Delivers the webhooks of one endpoint in three steps: claim, send, settle. */
import type { DeliveryAttempt } from '../domain/delivery.ts'
import type { Log } from '../ports/log.ts'
import { type Runtime, within } from '../ports/runtime.ts'
import type { ClaimedDelivery, Store } from '../ports/store.ts'
import { signatureHeaders } from '../signing.ts'
import { createDeliveryLeases } from './claim-deliveries.ts'
import { createDispatch } from './dispatch-deliveries.ts'
import { startLoop } from './loop.ts'
import { settleDelivery } from './settle-delivery.ts'
import { wakeTimes } from './wake-times.ts'
import { createWebhookSlots, type Overall } from './webhook-slots.ts'
import type { WebhookClient, WebhookMessage } from './webhooks/client.ts'

const POLL_MS = 1_000

export type DeliverOptions = {
  readonly store: Store
  readonly endpoint: string
  readonly client: WebhookClient
  /**
   * The body that an event's receivers get, which the signature covers. If it throws, the attempt fails, with the error as
   * its reason.
   */
  readonly body: (delivery: ClaimedDelivery) => string
  readonly secret: Buffer | null
  /** Deliveries in flight at once to this endpoint. */
  readonly concurrency: number
  readonly overall: Overall
  readonly log: Log
  readonly runtime: Runtime
  readonly onAttempt?: (attempt: DeliveryAttempt, durationMs: number) => void
  /** ms since 1970; the machine's unless given. */
  readonly now?: () => number
  /** How often it looks for due deliveries that nothing woke it for, in ms. */
  readonly pollMs?: number
}

export type Deliverer = {
  wake(): void
  /** False when its runs have failed, or not ended, for a while. */
  alive(): boolean
  /** Claims nothing more, waits up to `graceMs` for what is in flight, then cuts and releases it. */
  stop(graceMs: number): Promise<void>
}

/**
 * Claims due deliveries of one endpoint ahead of its free slots, sends each when a slot is free, and settles it under
 * its claim. The response frees the slot, and the settlement follows: so the slots wait for the receiver alone, never
 * for the disk.
 */
export function startDeliverer(options: DeliverOptions): Deliverer {
  const { store, endpoint, client, body, secret, log, runtime, now = runtime.now } = options
  const leases = createDeliveryLeases({ ...options, now })
  const slots = createWebhookSlots(options)
  let stopping = false
  let cut = false
  const isStopping = () => stopping
  const settling = { store, endpoint, host: client.host, log, runtime, now, isStopping }
  const release = ({ id, token }: ClaimedDelivery) => store.releaseDelivery(id, token)

  const onRoom = () => loop.wake()
  const dispatch = createDispatch({ leases, slots, deliver, release, onRoom, isStopping, log })

  const looping = { name: `deliver ${endpoint}`, intervalMs: options.pollMs ?? POLL_MS, log, runtime }
  const loop = startLoop(looping, async () => {
    dispatch.run()
    const waiting = leases.waiting()
    if (!slots.isWorthClaiming(waiting)) return leases.postpone()
    await leases.claim(slots.room(waiting))
    dispatch.run()
  })

  /** Wakes the loop when a retry is due, without waiting for the poll. Retries of other processes wait for the poll. */
  const retries = wakeTimes(loop.wake, now, runtime)

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const made = makeMessage(delivery)
    if (typeof made === 'string') return settle(delivery, { kind: 'no_answer', error: made })
    const attempt = await slots.send(() => client.send(made)).finally(dispatch.run)
    if (cut && attempt.kind === 'no_answer') return void (await release(delivery))
    await settle(delivery, attempt)
  }

  /** The message; or the reason why it has no body, which is not the receiver's fault and takes no slot from it. */
  function makeMessage(delivery: ClaimedDelivery): WebhookMessage | string {
    try {
      return message(delivery, body(delivery), secret, now())
    } catch (error) {
      const { id, eventId } = delivery
      log.error(
        { delivery: id, event: eventId, endpoint, err: error },
        'The body of a webhook cannot be rendered.',
      )
      return `The body cannot be rendered: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  async function settle(delivery: ClaimedDelivery, attempt: DeliveryAttempt): Promise<void> {
    const verdict = await settleDelivery(settling, delivery, attempt)
    if (verdict.state === 'pending') retries.add(verdict.retryAt)
  }

  return {
    wake: loop.wake,
    alive: loop.alive,
    async stop(graceMs) {
      stopping = true
      retries.stop()
      await loop.stop()
      dispatch.run()
      const settled = dispatch.ended()
      await within(runtime, graceMs, settled)
      cut = true
      await client.destroy()
      await settled
    },
  }
}

function message(delivery: ClaimedDelivery, body: string, secret: Buffer | null, at: number): WebhookMessage {
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': 'MiniPay',
      'x-webhook-event': delivery.eventType,
      'x-webhook-delivery': delivery.id,
      ...(secret && signatureHeaders(secret, delivery.eventId, at, body)),
    },
    body,
  }
}
