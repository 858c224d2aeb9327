/** Sends webhooks: claims the cursors of endpoints, and starts a courier for each. */
import type { EventBell } from '../../app/events/bell.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { within } from '../../ports/runtime.ts'
import type { Scope } from '../../ports/store.ts'
import { startLoop } from '../loop.ts'
import { createBalance } from './balance.ts'
import { startCourier } from './courier.ts'
import type { Courier, CourierParts } from './courier-parts.ts'
import { createEventPages } from './event-pages.ts'
import { createRecorder } from './recorder.ts'

const POLL_MS = 1_000
/** A lease of a cursor lasts for so many polls; it is renewed when half of that is left. Others take over when it ends. */
const LEASE_POLLS = 6
/** The length of a lease in ms. */
export const LEASE_MS = LEASE_POLLS * POLL_MS
/** The most cursors of one claim: nodes that start together share the endpoints. */
const CLAIM = 100
/** Every so many polls it also looks for deliveries that another process put back. */
const THOROUGH = 5
/** Rings are answered this far apart at least, in ms: under load, each reads several events. */
const GAP_MS = 5
/** Time for the last results after a stop cut the attempts in flight, in ms. */
const LAST_MS = 2_000

export type DispatcherOptions = Omit<
  CourierParts,
  'pages' | 'token' | 'holds' | 'onResults' | 'onEvent' | 'onReplayEnd'
> & {
  readonly bell: Pick<EventBell, 'on' | 'ring'>
  /** How often it renews its leases and looks for work that no ring told of, in ms. */
  readonly pollMs?: number
}

/** An endpoint whose cursor this process holds. */
export type HeldEndpoint = {
  readonly scope: Scope
  readonly id: string
  /** Whether the circuit breaker is open. */
  readonly isOpen: boolean
  /** The age of the oldest event that the endpoint still has to be told, in ms; 0 if there is none. */
  readonly lagMs: number
}

export type Dispatcher = {
  /** Endpoints or deliveries changed: looks at once. */
  wake(): void
  /** The endpoint's receiver works, as a test has shown: an open breaker probes at once, if its cursor is held here. */
  probe(endpoint: Pick<WebhookEndpoint, 'scope' | 'id'>): void
  /** False when its runs have failed, or not ended, for a while. */
  alive(): boolean
  /** The endpoints of this process. */
  held(): readonly HeldEndpoint[]
  /** Begins nothing more, waits up to `graceMs` for what is in flight, then cuts it, and releases the cursors. */
  stop(graceMs: number): Promise<void>
}

export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { store, bell, log, runtime, now } = options
  const token = runtime.uuid()
  const pollMs = options.pollMs ?? POLL_MS
  const leaseMs = LEASE_POLLS * pollMs
  const recorder = createRecorder({ store, log, runtime })
  const couriers = new Map<string, Courier>()
  const parts: CourierParts = {
    ...options,
    token,
    holds: () => runtime.monotonic() < heldUntil,
    pages: createEventPages(store),
    onResults: recorder.add,
    onEvent: bell.ring,
    onReplayEnd: () => loop.wake(),
  }
  /** Every lease of the last claim lasts until then at least, by the clock of the machine. */
  let heldUntil = 0
  /** After an outage it takes no cursors of others until then: they may have had the same one, and store their results. */
  let patientUntil = 0
  /** The newest version of each endpoint that this process cannot sign for: it claims none of them again. */
  const left = new Map<string, WebhookEndpoint>()
  const balance = createBalance()
  /** Those whose couriers end so that other nodes may have them. */
  const giving = new Set<string>()
  let polls = 0
  let woken = true
  let stopping = false

  const loop = startLoop({ name: 'webhooks', intervalMs: pollMs, log, runtime }, async () => {
    const thorough = woken || polls % THOROUGH === 0
    woken = false
    polls++
    const at = now()
    const known = new Set(couriers.keys())
    const claimedAt = runtime.monotonic()
    if (heldUntil > 0 && claimedAt > heldUntil) patientUntil = claimedAt + leaseMs / 2
    const limit = claimedAt < patientUntil || balance.isModest(claimedAt) ? 0 : CLAIM
    const claim = { now: at, leaseUntil: at + leaseMs, token, limit, leave: [...left.values()] }
    const held = await store.claimWebhookCursors(claim)
    heldUntil = claimedAt + leaseMs / 2
    if (stopping) return
    const before = couriers.size
    const missing = new Set(couriers.keys())
    const closed: WebhookEndpoint[] = []
    for (const cursor of held) {
      const name = nameOf(cursor.endpoint.scope, cursor.endpoint.id)
      if (options.opens?.(cursor.endpoint) === false) {
        // A courier that it has ends first, and stores its results.
        if (!couriers.has(name)) closed.push(cursor.endpoint)
        continue
      }
      missing.delete(name)
      const courier = couriers.get(name)
      // One that ended meanwhile stored results that this claim does not show.
      if (!courier && known.has(name)) loop.wake()
      else if (!courier) begin(name, startCourier(parts, cursor))
      else if (giving.has(name)) continue
      else if (courier.isEnding()) courier.revive(cursor)
      else courier.update(cursor)
    }
    for (const name of missing) couriers.get(name)?.end()
    for (const courier of couriers.values()) if (!courier.isEnding()) courier.poll(thorough)
    if (couriers.size - before + closed.length >= CLAIM) loop.wake()
    await giveBack(closed)
    if (thorough) await share()
  })

  /** Gives cursors to other nodes, once their couriers have ended. */
  async function share(): Promise<void> {
    const serving = [...couriers].filter(([, courier]) => !courier.isEnding())
    const surplus = balance.surplus(serving.length, await store.webhookShare(), runtime.monotonic())
    for (const [name, courier] of surplus > 0 ? serving.slice(-surplus) : []) {
      giving.add(name)
      courier.end()
    }
  }

  async function give(name: string, endpoint: WebhookEndpoint): Promise<void> {
    // If that fails, the next claim renews the lease, and another courier begins.
    await store.releaseWebhookCursors(token, [endpoint]).catch(() => {})
    balance.gave(name, runtime.monotonic())
    giving.delete(name)
  }

  /** Another process may have their key. */
  async function giveBack(closed: readonly WebhookEndpoint[]): Promise<void> {
    if (closed.length === 0) return
    for (const endpoint of closed) left.set(nameOf(endpoint.scope, endpoint.id), endpoint)
    await store.releaseWebhookCursors(token, closed)
  }

  function begin(name: string, courier: Courier): void {
    couriers.set(name, courier)
    balance.claimed(name, runtime.monotonic())
    void courier.ended().then(async () => {
      if (giving.has(name) && !stopping) await give(name, courier.endpoint())
      couriers.delete(name)
      // It may be ours again, changed.
      loop.wake()
    })
  }

  /** Scopes that rang since the last turn; null: all. Commits of one group ring together, and are read together. */
  let rung: Set<string> | null = new Set()
  let ringing = false
  let answeredAt = Number.NEGATIVE_INFINITY
  const off = bell.on((scope) => {
    if (scope === null) rung = null
    else rung?.add(nameOf(scope, ''))
    if (ringing || stopping) return
    ringing = true
    const early = answeredAt + GAP_MS - runtime.monotonic()
    if (early > 0) runtime.after(early, answer)
    else runtime.nextTurn(answer)
  })

  function answer(): void {
    ringing = false
    answeredAt = runtime.monotonic()
    const scopes = rung
    rung = new Set()
    for (const courier of couriers.values()) {
      const { scope } = courier.endpoint()
      if (courier.isEnding() || (scopes && !scopes.has(nameOf(scope, '')))) continue
      courier.ring()
    }
  }

  function wake(): void {
    woken = true
    loop.wake()
  }

  return {
    wake,
    probe: ({ scope, id }) => couriers.get(nameOf(scope, id))?.probe(),
    alive: loop.alive,
    held: () =>
      [...couriers.values()]
        .filter((courier) => !courier.isEnding())
        .map((courier) => {
          const { scope, id } = courier.endpoint()
          return { scope, id, isOpen: courier.isOpen(), lagMs: courier.lagMs() }
        }),
    async stop(graceMs) {
      stopping = true
      off()
      recorder.hurry()
      await loop.stop()
      const all = [...couriers.values()]
      for (const courier of all) courier.end()
      const ended = Promise.all(all.map((courier) => courier.ended()))
      await within(runtime, graceMs, ended)
      await Promise.all(all.map((courier) => courier.cut()))
      await within(runtime, LAST_MS, ended)
      recorder.giveUp()
      // Otherwise the leases end by themselves.
      await store.releaseWebhookCursors(token).catch(() => {})
    },
  }
}

function nameOf({ accountId, mode }: Scope, id: string): string {
  return `${accountId}/${mode}/${id}`
}
