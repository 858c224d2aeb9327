import { hash } from 'node:crypto'
import type { AlarmKind } from '../domain/alarm.ts'
import type { AttemptKind, Outcome } from '../domain/attempt.ts'
import { type Rejection, reject } from '../domain/error.ts'
import { type IdPrefix, idFactory } from '../domain/id.ts'
import { PLAIN_FINGERPRINT } from '../domain/idempotency.ts'
import type { Log } from '../ports/log.ts'
import type { Provider } from '../ports/provider.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Store } from '../ports/store.ts'
import { noVault, type Vault } from '../ports/vault.ts'
import { createKeyring, type Keyring } from './access/keyring.ts'
import { createSessions, type Sessions } from './access/sessions.ts'
import { createNotificationCounts, type NotificationCounts } from './attempts/notification-counts.ts'
import { type Background, createBackground } from './background.ts'
import { type Clock, simpleClock } from './clock.ts'
import { createEventBell, type EventBell } from './events/bell.ts'
import { createPacedEvents, type PacedEvents } from './events/paced.ts'
import { createEventReader, type EventReader } from './events/reader.ts'
import { createOpenRequests, type OpenRequests } from './open-requests.ts'
import type { Ending } from './payments/endings.ts'
import type { Health } from './routing/health.ts'
import { createPauses, type Pauses } from './routing/pauses.ts'
import { createProviderCalls, type ProviderCalls } from './routing/provider-calls.ts'
import type { Router } from './routing/router.ts'
import { NO_WEBHOOKS, type WebhookTools } from './webhooks/tools.ts'

/** The dependencies of every use case: created once a process, and by tests with a time of their own. */
export type Context = {
  readonly store: Store
  /** Encrypts the secrets that the store keeps. */
  readonly vault: Vault
  /** By name, in the order of their configuration. */
  readonly providers: ReadonlyMap<string, Provider>
  readonly router: Router
  readonly health: Health
  /** The providers that people have paused. */
  readonly pauses: Pauses
  readonly log: Log
  /** Timers, monotonic time and randomness. */
  readonly runtime: Runtime
  /** The time of the store, in ms since 1970. */
  readonly now: () => number
  /** The source of `now`, and whether MiniPay trusts it. */
  readonly clock: Clock
  readonly newId: (prefix: IdPrefix) => string
  /** A key for a request without one. */
  readonly newKey: () => string
  readonly fingerprint: (text: string) => string
  /** The URL of a webhook endpoint that a caller registers, or why the server's operator does not allow it. */
  readonly checkTarget: (url: string) => URL | Rejection
  /** Rung after each commit with an event. */
  readonly bell: EventBell
  readonly eventReader: EventReader
  /** For those who look at the newest events. */
  readonly pacedEvents: PacedEvents
  /** Called after each provider call, with the call, its outcome and its duration in ms. */
  readonly onCall: (
    provider: string,
    kind: AttemptKind | 'lookup',
    outcome: Outcome['kind'],
    ms: number,
  ) => void
  /** Called when a provider contradicted the books, so that a person must check it. */
  readonly onAlarm: (provider: string, alarm: AlarmKind) => void
  /** How long a request waits for a running request with the same key, in ms. */
  readonly idempotencyWaitMs: number
  /** How long a request waits for its provider before MiniPay returns `processing`, in ms. */
  readonly providerWaitMs: number
  /** How long a customer may take to act on a provider's page, in ms. */
  readonly actionAgeMs: number
  /** The access keys of requests. */
  readonly keyring: Keyring
  /** The cookies of requests from the dashboard. */
  readonly sessions: Sessions
  readonly webhooks: WebhookTools
  readonly requests: OpenRequests<Ending>
  readonly calls: ProviderCalls
  readonly notifications: NotificationCounts
  /** Provider calls in flight, with the work that follows them. */
  readonly background: Background
}

type Chosen = Omit<
  Context,
  | 'now'
  | 'clock'
  | 'newId'
  | 'newKey'
  | 'fingerprint'
  | 'bell'
  | 'eventReader'
  | 'pacedEvents'
  | 'keyring'
  | 'sessions'
  | 'pauses'
  | 'webhooks'
  | 'requests'
  | 'calls'
  | 'notifications'
  | 'background'
>

/**
 * A context; its clock is the machine's unless given, and always trusted. Unless `checkTarget` and `vault` are given, no
 * endpoint can be registered.
 */
export function createContext(
  chosen: Omit<Chosen, 'checkTarget' | 'vault'> &
    Partial<Pick<Context, 'clock' | 'checkTarget' | 'vault' | 'webhooks'>>,
): Context {
  const { runtime, store } = chosen
  const clock = chosen.clock ?? simpleClock(runtime.now)
  const bell = createEventBell(runtime)
  const newId = idFactory(clock.now, random80(runtime), clock.idFloor)
  const keyring = createKeyring({
    ...{ store, now: clock.now, floor: clock.latest, monotonic: runtime.monotonic, sha256 },
  })
  return {
    checkTarget: () => reject('parameter_invalid', 'No webhook endpoint can be registered here.', 'url'),
    vault: noVault('MiniPay has no key here that encrypts secrets.'),
    webhooks: NO_WEBHOOKS,
    ...chosen,
    now: clock.now,
    clock,
    newId,
    newKey: runtime.uuid,
    fingerprint,
    bell,
    eventReader: createEventReader(store, bell, runtime),
    pacedEvents: createPacedEvents({ store, bell, runtime }),
    keyring,
    sessions: createSessions({ ...{ store, keyring, runtime, sha256 }, ...{ newId, now: clock.now } }),
    pauses: createPauses(store, clock.now),
    requests: createOpenRequests(runtime),
    calls: createProviderCalls(),
    notifications: createNotificationCounts(clock.now),
    background: createBackground(),
  }
}

/** Random bytes are drawn a page at a time: each draw is a call out of JavaScript. */
export function random80({ random }: Runtime): () => bigint {
  const drawn = new Uint8Array(4090)
  let used = drawn.length
  return () => {
    if (used === drawn.length) {
      random(drawn)
      used = 0
    }
    let bits = 0n
    for (const end = used + 10; used < end; used++) bits = (bits << 8n) | BigInt(drawn[used] as number)
    return bits
  }
}

/** The canonical text of a short request, as nearly all are; otherwise its SHA-256. */
export function fingerprint(text: string): string {
  return text.length <= PLAIN_FINGERPRINT ? text : hash('sha256', text, 'base64url')
}

/** SHA-256 in hex. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}
