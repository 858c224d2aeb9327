/** Webhooks with a clock of the test: a dispatcher over an embedded store, and receivers that are functions. */
import type { TestContext } from 'node:test'
import { sha256 } from '../../src/app/context.ts'
import { createEventBell } from '../../src/app/events/bell.ts'
import type { DeliveryAttempt } from '../../src/domain/delivery.ts'
import { idFactory } from '../../src/domain/id.ts'
import type { Delivery } from '../../src/domain/webhooks/delivery.ts'
import { type WebhookEndpoint, wants } from '../../src/domain/webhooks/endpoint.ts'
import type { Log } from '../../src/ports/log.ts'
import { KEYLESS_SCOPE, type Scope, type Store, type StoredEvent } from '../../src/ports/store.ts'
import { type ManualRuntime, manualRuntime } from '../../src/runtime/manual.ts'
import type { WebhookClient } from '../../src/workers/webhooks/client.ts'
import {
  type Dispatcher,
  type DispatcherOptions,
  startDispatcher,
} from '../../src/workers/webhooks/dispatcher.ts'
import { createOverall } from '../../src/workers/webhooks/slots.ts'
import { chargeCommit, committed, refundCommit } from './commits.ts'
import { atEnd } from './folders.ts'
import { instantStore } from './instant-store.ts'
import { webhookEndpointOf } from './webhooks.ts'

export const OK: DeliveryAttempt = { kind: 'response', status: 200, answer: 'ok' }
export const DOWN: DeliveryAttempt = { kind: 'no_answer', error: 'ECONNREFUSED' }
export const responds = (status: number, retryAfter?: string): DeliveryAttempt => ({
  kind: 'response',
  status,
  ...(retryAfter !== undefined && { retryAfter }),
})

/** One request to a receiver. */
export type Told = {
  readonly endpoint: string
  readonly event: StoredEvent
  readonly delivery: string
  /** Virtual ms since 1970. */
  readonly at: number
}
/** How a receiver responds: after so many ms, with this attempt. */
export type Response = { readonly ms: number; readonly attempt: DeliveryAttempt }
export type Receive = (told: Told) => Response | DeliveryAttempt

export const silent: Log = { info() {}, warn() {}, error() {} }

export function webhookWorld(t: TestContext, options: { readonly seed?: number } = {}) {
  const runtime: ManualRuntime = manualRuntime(options)
  const instant = instantStore(t, runtime.now)
  const { store } = instant
  const bell = createEventBell(runtime)
  let bits = 0n
  const newId = idFactory(runtime.now, () => ++bits * 0x9e3779b97f4a7c15n)
  const told: Told[] = []
  const receivers = new Map<string, Receive>()
  let flying = 0
  const most = new Map<string, number>()

  const idOf = (headers: Record<string, string> | string) =>
    typeof headers === 'string' ? headers : String(headers['id'])

  function client(endpoint: WebhookEndpoint): WebhookClient {
    const waiting = new Set<() => void>()
    let own = 0
    return {
      host: new URL(endpoint.url).host,
      send({ headers, body }) {
        const event = JSON.parse(String(body)) as StoredEvent
        const one = { endpoint: endpoint.id, event, delivery: idOf(headers), at: runtime.now() }
        told.push(one)
        flying++
        most.set(endpoint.id, Math.max(most.get(endpoint.id) ?? 0, ++own))
        const response = receivers.get(endpoint.id)?.(one) ?? OK
        const { ms, attempt } = 'ms' in response ? response : { ms: 1, attempt: response }
        return new Promise((resolve) => {
          const end = (ended: DeliveryAttempt) => {
            if (!waiting.delete(cut)) return
            timer.cancel()
            flying--
            own--
            resolve(ended)
          }
          const cut = () => end({ kind: 'no_answer', error: 'cut' })
          waiting.add(cut)
          const timer = runtime.after(ms, () => end(attempt))
        })
      },
      async destroy() {
        for (const cut of waiting) cut()
      },
    }
  }

  const defaults: Omit<DispatcherOptions, 'store'> = {
    bell,
    client,
    message: (_endpoint, event, id) => ({ headers: { id }, body: JSON.stringify(event) }),
    wants: (endpoint, type) => wants(endpoint, type),
    overall: createOverall(128),
    concurrency: 64,
    log: silent,
    runtime,
    now: runtime.now,
    newId,
    sha256,
  }

  return {
    runtime,
    instant,
    store,
    bell,
    told,
    most,
    client,
    flying: () => flying,
    /** Starts a process that sends; it is crashed at the end of the test. */
    start(changes: Partial<DispatcherOptions> = {}): Dispatcher & { crash(): void } {
      // A crashed process does nothing more: none of its calls comes back.
      let crashed = false
      const never = new Promise<never>(() => {})
      const own = new Proxy(changes.store ?? store, {
        get(target, name) {
          const method = Reflect.get(target, name)
          if (typeof method !== 'function') return method
          return (...args: unknown[]) => {
            if (crashed) return never
            const result = Reflect.apply(method, target, args)
            return result instanceof Promise
              ? result.then(
                  (value) => (crashed ? never : value),
                  (error) => (crashed ? never : Promise.reject(error)),
                )
              : result
          }
        },
      })
      const { after } = changes.runtime ?? runtime
      const ownRuntime = {
        ...runtime,
        after: (ms: number, action: () => void) => after(ms, () => crashed || action()),
        nextTurn: (action: () => void) => runtime.nextTurn(() => crashed || action()),
      }
      const ownClient = changes.client ?? client
      const dispatcher = startDispatcher({
        ...defaults,
        overall: createOverall(128),
        ...changes,
        runtime: ownRuntime,
        store: own,
        client(endpoint) {
          const made = ownClient(endpoint)
          return {
            ...made,
            send: async (message) =>
              crashed ? never : made.send(message).then((a) => (crashed ? never : a)),
          }
        },
      })
      const crash = () => {
        crashed = true
      }
      atEnd(t, crash)
      return { ...dispatcher, crash }
    },
    /** What an endpoint's receiver responds, from now on. */
    receive(endpoint: Pick<WebhookEndpoint, 'id'>, receive: Receive): void {
      receivers.set(endpoint.id, receive)
    },
    async endpoint(changes: Partial<WebhookEndpoint> = {}): Promise<WebhookEndpoint> {
      const endpoint = webhookEndpointOf(changes.scope ?? KEYLESS_SCOPE, changes)
      if (!(await store.addWebhookEndpoint(endpoint, null))) throw new Error('it was not added')
      return endpoint
    },
    /** Commits charges, each with one event, and rings. */
    async charges(
      count: number,
      scope: Scope = KEYLESS_SCOPE,
      metadata?: Readonly<Record<string, string>>,
    ): Promise<StoredEvent[]> {
      const details = { scope, ...(metadata && { metadata }) }
      const commits = Array.from({ length: count }, () => chargeCommit({ ...details, at: runtime.now() }))
      for (const commit of commits) await committed(store, commit)
      bell.ring(scope)
      return eventsOf(
        store,
        scope,
        commits.map(({ event }) => event.id),
      )
    },
    /** Commits a charge and refunds of it, all about one object. */
    async story(events: number, scope: Scope = KEYLESS_SCOPE): Promise<string> {
      const commit = chargeCommit({ scope, at: runtime.now() })
      await committed(store, commit)
      for (let i = 1; i < events; i++) {
        const charge = await store.charge(scope, commit.charge.id)
        await committed(store, refundCommit(charge!, { scope, amount: 1, at: runtime.now() }))
      }
      bell.ring(scope)
      return commit.charge.id
    },
    /** The stored deliveries of an endpoint, the oldest first. */
    async deliveries({ id, scope }: WebhookEndpoint): Promise<Delivery[]> {
      const found: Delivery[] = []
      for (;;) {
        const last = found.at(-1)
        const query = { endpoint: id, limit: 1_000, ...(last && { startingAfter: last.id }) }
        const { data, hasMore } = await store.webhookDeliveries(scope, query)
        found.push(...data)
        if (!hasMore) return found.toReversed()
      }
    },
    toldTo: ({ id }: Pick<WebhookEndpoint, 'id'>) => told.filter(({ endpoint }) => endpoint === id),
  }
}

async function eventsOf(store: Store, scope: Scope, ids: readonly string[]): Promise<StoredEvent[]> {
  const wanted = new Set(ids)
  const found: StoredEvent[] = []
  for (let after = 0; ; ) {
    const { data, hasMore } = await store.events(scope, { after, limit: 1_000 })
    found.push(...data.filter(({ id }) => wanted.has(id)))
    after = data.at(-1)?.sequence ?? after
    if (!hasMore) return found
  }
}
