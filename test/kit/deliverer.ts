/** Deliverers over a real store, and receivers that delay their responses. */

import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { originalBody } from '../../src/api/webhooks/original.ts'
import type { Charge } from '../../src/domain/charge.ts'
import type { DeliveryAttempt } from '../../src/domain/delivery.ts'
import type { Log } from '../../src/ports/log.ts'
import {
  type ClaimedDelivery,
  type DeliverySettlement,
  KEYLESS_SCOPE,
  type Store,
} from '../../src/ports/store.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { openSqliteStore } from '../../src/storage/sqlite/store.ts'
import { type Deliverer, type DeliverOptions, startDeliverer } from '../../src/workers/deliver.ts'
import type { WebhookClient } from '../../src/workers/webhooks/client.ts'
import { chargeCommit, committed } from './commits.ts'
import { tempDir } from './folders.ts'
import { startReceiver } from './receiver.ts'

export const silent: Log = { info() {}, warn() {}, error() {} }

/** Ends everything that the test has started, the last first. */
function ending(t: TestContext): (step: () => unknown) => void {
  const steps: (() => unknown)[] = []
  t.after(async () => {
    for (const step of steps.toReversed()) await step()
  })
  return (step) => steps.push(step)
}

/** Counts events, and waits for more of them. */
export function history<T>() {
  const all: T[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  return {
    all,
    add(item: T): void {
      all.push(item)
      for (const { count, resolve } of waiting) if (all.length >= count) resolve()
    },
    atLeast(count: number): Promise<void> {
      if (all.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
  }
}

/** A real store that records claims and settlements, and deliverers over it. */
export async function bench(t: TestContext) {
  const atEnd = ending(t)
  const folder = tempDir()
  atEnd(folder.remove)
  const store = await openSqliteStore({ file: join(folder.path, 'deliver.db'), onFatal: assert.fail })
  atEnd(() => store.close())
  const claims = history<{ limit: number; claimed: ClaimedDelivery[] }>()
  const settled = history<DeliverySettlement & { accepted: boolean }>()
  const watched: Store = {
    ...store,
    async claimDeliveries(claim) {
      const claimed = await store.claimDeliveries(claim)
      claims.add({ limit: claim.limit, claimed })
      return claimed
    },
    async settleDelivery(settlement) {
      const accepted = await store.settleDelivery(settlement)
      settled.add({ ...settlement, accepted })
      return accepted
    },
  }
  return {
    store,
    watched,
    claims,
    settled,
    atEnd,
    /** Starts a deliverer that stops with the test. */
    deliver(client: WebhookClient, options: Partial<DeliverOptions> = {}): Deliverer {
      const deliverer = startDeliverer({
        store: watched,
        endpoint: 'default',
        client,
        body: ({ eventId: id, eventType: type, eventAt: createdAt, ...rest }) =>
          originalBody({ ...rest, id, type, createdAt }),
        secret: null,
        concurrency: 8,
        overall: { inFlight: 0, limit: 100 },
        log: silent,
        runtime: nodeRuntime,
        ...options,
      })
      atEnd(() => deliverer.stop(0))
      return deliverer
    },
    /** Makes charges whose webhooks are due; returns them. */
    async due(count: number, endpoint = 'default'): Promise<Charge[]> {
      const options = { scope: KEYLESS_SCOPE, at: 1, endpoints: [endpoint] }
      const commits = Array.from({ length: count }, () => chargeCommit(options))
      await Promise.all(commits.map((commit) => committed(store, commit)))
      return commits.map((commit) => commit.charge)
    },
    /** The stored deliveries. */
    deliveries: async () => (await store.deliveries(KEYLESS_SCOPE, { limit: 100 })).data,
  }
}

/** A receiver that delays its responses until the test releases them, and counts how many wait at once. */
export async function holdingReceiver(atEnd: (step: () => unknown) => void) {
  const held: ServerResponse[] = []
  let most = 0
  let free = false
  const receiver = await startReceiver((_webhook, response) => {
    if (free) return void response.end()
    held.push(response)
    most = Math.max(most, held.length)
  })
  atEnd(receiver.close)
  return {
    ...receiver,
    held,
    most: () => most,
    /** Responds to the request that waits longest. */
    answerOne: () => held.shift()?.end(),
    /** Responds to all requests, now and from now on. */
    answerAll() {
      free = true
      for (const response of held.splice(0)) response.end()
    },
  }
}

/** A client without a network: every message gets the attempt that the test has set, one turn later. */
export function scriptedClient(attempt: DeliveryAttempt) {
  let flying = 0
  return {
    attempt,
    /** How many were in flight when each message was sent. */
    atOnce: [] as number[],
    host: 'shop.example',
    async send() {
      this.atOnce.push(++flying)
      await setImmediate()
      flying--
      return this.attempt
    },
    async destroy() {},
  }
}
