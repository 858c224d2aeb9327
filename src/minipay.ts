/** MiniPay as a library: the use cases of the API over a database, without HTTP. docs/embedding.md explains it. */

import { listAttempts } from './app/attempts/list-attempts.ts'
import { type Received, receiveNotification } from './app/attempts/receive-notification.ts'
import type { Audit } from './app/audit.ts'
import { createBackground } from './app/background.ts'
import type { Context } from './app/context.ts'
import type { KeyedRequest, Result } from './app/execute.ts'
import { cancelCharge } from './app/payments/cancel-charge.ts'
import { captureCharge } from './app/payments/capture-charge.ts'
import { createCharge } from './app/payments/create-charge.ts'
import { createRefund } from './app/payments/create-refund.ts'
import type { CurrentRuleSet } from './app/routing/router.ts'
import { ConfigError, parseSettings } from './config.ts'
import { CORE_SETTINGS, type Core, type CoreConfig, openCore } from './core.ts'
import type { Attempt } from './domain/attempt.ts'
import { cardRefused, holdsCardNumber } from './domain/cards/card-numbers.ts'
import type { Refund } from './domain/charge.ts'
import { isRejection, type Rejection, reject } from './domain/error.ts'
import { canonicalRequest, isIdempotencyKey } from './domain/idempotency.ts'
import {
  amountFault,
  type ChargeOrder,
  type RefundOrder,
  readChargeOrder,
  readRefundOrder,
} from './domain/order.ts'
import { MODES, type Mode } from './domain/scope.ts'
import { type ChargeFacts, decodeSnapshot, type Snapshot } from './domain/snapshot.ts'
import type { Log } from './ports/log.ts'
import type { RemoteProvider } from './ports/provider.ts'
import { type Runtime, within } from './ports/runtime.ts'
import {
  type ChargeQuery,
  type CurrencyTotals,
  type EventPage,
  type EventQuery,
  KEYLESS_SCOPE,
  type LedgerAccount,
  type Page,
  type RefundQuery,
  type Scope,
  type StoredEvent,
  StoreUnavailable,
} from './ports/store.ts'

export type { Attempt } from './domain/attempt.ts'
export type { Refund } from './domain/charge.ts'
export type { ChargeOrder, RefundOrder } from './domain/order.ts'
export { manualRuntime } from './runtime/manual.ts'
export { ConfigError, StoreUnavailable }

/** Every fact of a charge; times are in ms since 1970, amounts in minor units. */
export type Charge = ChargeFacts
/** An event, with the facts that it stored: the charge, what else it is about, and the former values. */
export type Event = Omit<StoredEvent, 'data'> & { readonly data: Snapshot }

type Plain<T> = T extends number ? number : T extends string ? T : string

/** The settings of the server that are not about HTTP, each as a plain number or string, with the server's defaults. */
type Settings = { readonly [K in keyof Omit<CoreConfig, 'providers'>]?: Plain<CoreConfig[K]> }

export type MiniPayOptions = Settings & {
  /** The path of a JSON file, or the object that such a file holds. Default: the in-process sandbox alone. */
  readonly providers?: CoreConfig['providers']
  /**
   * The mode of every call. `test`, the default, reaches only providers in test mode, as the sandbox is; `live` only those
   * in live mode.
   */
  readonly mode?: Mode
  /** Values of `${NAME}` in a file of providers. MiniPay itself does not read the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Whether this process delivers webhooks, recovers attempts, keeps the clock and purges old keys. Default: true. */
  readonly workers?: boolean
  /** Gets what the server would log. Default: nothing is logged. */
  readonly log?: Log
  /** Called once the database can no longer be used: it is damaged, or its files were removed or replaced. */
  readonly onFatal?: (error: Error) => void
  /** The time, timers and randomness of the use cases and workers. Default: those of Node.js. */
  readonly runtime?: Runtime
}

export type RequestOptions = {
  /** 1 to 255 visible ASCII characters. A request that is repeated with its key is carried out once. */
  readonly idempotencyKey?: string
}

/** A request that MiniPay refused without a call to a provider: a code for programs, a sentence for people. */
export type Rejected = Omit<Rejection, 'rejected'> & { readonly kind: 'rejected' }

/**
 * How a request ended. `created` and `done`: as requested. `accepted`: the outcome is not known yet, and an event follows
 * with it. `declined`: the provider refused. `unavailable`: no provider took the call, and no money moved. `replayed` is
 * true when the key was used before, and this is how that request ended.
 */
type Settled<Shown extends object> =
  | (Shown & { readonly kind: 'created' | 'done' | 'accepted'; readonly replayed: boolean })
  | (Shown & {
      readonly kind: 'declined' | 'unavailable'
      readonly declineCode: string | null
      readonly failureMessage: string | null
      readonly replayed: boolean
    })
export type ChargeResult = Settled<{ readonly charge: Charge }> | Rejected
export type RefundResult = Settled<{ readonly refund: Refund }> | Rejected

/** Every function rejects with `StoreUnavailable` while the database cannot be used, and after `close`. */
export type MiniPay = {
  /** Charges a customer, or has the money held with `capture: false`. */
  createCharge(order: ChargeOrder, options?: RequestOptions): Promise<ChargeResult>
  /** Captures an authorized charge: everything, or `amount` minor units; the provider releases the rest. */
  captureCharge(id: string, options?: RequestOptions & { readonly amount?: number }): Promise<ChargeResult>
  /** Cancels a charge that was not captured. */
  cancelCharge(id: string, options?: RequestOptions): Promise<ChargeResult>
  /** Refunds a charge: everything that is left, or `amount` minor units. */
  createRefund(order: RefundOrder, options?: RequestOptions): Promise<RefundResult>
  /** Undefined when there is no such charge. */
  charge(id: string): Promise<Charge | undefined>
  /** A page of charges, newest first; 20 unless `limit` says otherwise. */
  charges(query?: Partial<ChargeQuery>): Promise<Page<Charge>>
  refund(id: string): Promise<Refund | undefined>
  refunds(query?: Partial<RefundQuery>): Promise<Page<Refund>>
  /** Every call to a provider for a charge, oldest first; undefined when there is no such charge. */
  attempts(chargeId: string): Promise<readonly Attempt[] | undefined>
  /**
   * Events after a sequence (0 unless given), oldest first. If `purgedTo`, the last event that was deleted after its
   * retention, is greater than that sequence, you miss the deleted ones.
   */
  events(
    query?: Partial<EventQuery>,
  ): Promise<Page<Event> & Pick<EventPage, 'epoch'> & { readonly purgedTo: number }>
  /** The balances of the ledger, and counters of each currency. */
  balances(): Promise<{
    readonly totals: readonly CurrencyTotals[]
    readonly accounts: readonly LedgerAccount[]
  }>
  /** Stores a provider's notification, of which `body` has the bytes as they came. */
  receiveNotification(
    provider: string,
    body: Buffer,
    headers: Parameters<RemoteProvider['notification']>[1],
  ): Promise<Received | Rejected>
  /** The routing rules, and their version. */
  routingRules(): Promise<CurrentRuleSet>
  /** Replaces the routing rules. */
  replaceRoutingRules(document: unknown): Promise<{ readonly version: number } | Rejected>
  /**
   * Stops the workers, waits up to `shutdownTimeoutMs` for calls in progress, and closes the database. Leases and
   * idempotency keys make it safe to end the process without it.
   */
  close(): Promise<void>
}

const SILENT: Log = { info() {}, warn() {}, error() {} }
const DEFAULT_LIMIT = 20

/**
 * Opens a database, creating a SQLite file that is missing, and brings it to this version's schema. One process at a time
 * may open a SQLite file. Throws a `ConfigError` for a wrong option, and an error with a sentence when the database or the
 * providers cannot be used.
 */
export async function createMiniPay(options: MiniPayOptions = {}): Promise<MiniPay> {
  const config = configOf(options)
  const { log = SILENT, onFatal = () => {}, env = {}, runtime, workers = true } = options
  const scope = { ...KEYLESS_SCOPE, mode: modeOf(options) }
  const fatal = (error: Error) => {
    log.error({ err: error }, 'The database can no longer be used.')
    onFatal(error)
  }
  const core = await openCore(config, {
    ...{ log, onFatal: fatal, env, webhookMode: scope.mode, delivers: workers },
    ...(runtime && { runtime }),
  })
  if (workers) core.workers.start()
  return libraryOf(core, scope, config.shutdownTimeoutMs)
}

function modeOf({ mode = 'test' }: MiniPayOptions): Mode {
  if (MODES.includes(mode)) return mode
  throw new ConfigError(`The option mode must be one of ${MODES.join(', ')}.`)
}

function configOf(options: MiniPayOptions): CoreConfig {
  const { providers = '', mode, env, workers, log, onFatal, runtime, ...settings } = options
  const given: Readonly<Record<string, unknown>> = settings
  for (const name of Object.keys(given))
    if (!CORE_SETTINGS.some((key) => key === name)) throw new ConfigError(`There is no option ${name}.`)
  const textOf = (key: string) => {
    const value = given[key]
    return value === undefined ? undefined : String(value)
  }
  const parsed = parseSettings(CORE_SETTINGS, textOf, (key) => `The option ${key}`, 'allowedTargets')
  return { ...parsed, providers }
}

/** Runs a call unless the library is closed; a close waits for it. */
type Call = <T>(work: () => Promise<T>) => Promise<T>

function libraryOf({ context, workers }: Core, scope: Scope, graceMs: number): MiniPay {
  const calls = createBackground()
  let closed: Promise<void> | undefined

  const call: Call = (work) => {
    if (closed) return Promise.reject(new StoreUnavailable('closing', 'MiniPay is closed.'))
    const result = work()
    calls.add(result.then(ignore, ignore))
    return result
  }

  async function close(): Promise<void> {
    await Promise.all([within(context.runtime, graceMs, calls.ended()), workers.stop(graceMs)])
    await context.store.close()
  }

  return {
    ...paymentsOf(context, scope, call),
    ...readsOf(context, scope, call),
    ...routingOf(context, scope, call),
    receiveNotification: (provider, body, headers) =>
      call(async () => {
        const received = await receiveNotification(context, provider, body, headers)
        if (isRejection(received)) return rejected(received)
        if (received.status === 'stored') workers.wakeNotifications()
        return received
      }),
    close: () => (closed ??= close()),
  }
}

type Payments = Pick<MiniPay, 'createCharge' | 'captureCharge' | 'cancelCharge' | 'createRefund'>

function paymentsOf(context: Context, scope: Scope, call: Call): Payments {
  return {
    createCharge: (order, options = {}) =>
      call(async () => {
        const command = readChargeOrder(order)
        if (isRejection(command)) return rejected(command)
        const request = keyedRequest(context, scope, 'createCharge', command, options)
        if (isRejection(request)) return rejected(request)
        return chargeResult(await createCharge(context, request, command))
      }),
    captureCharge: (id, { amount, ...options } = {}) =>
      call(async () => {
        const fault = amount === undefined ? undefined : amountFault(amount)
        const request =
          fault ?? keyedRequest(context, scope, 'captureCharge', { id, amount: amount ?? null }, options)
        if (isRejection(request)) return rejected(request)
        return chargeResult(await captureCharge(context, request, id, amount))
      }),
    cancelCharge: (id, options = {}) =>
      call(async () => {
        const request = keyedRequest(context, scope, 'cancelCharge', { id }, options)
        if (isRejection(request)) return rejected(request)
        return chargeResult(await cancelCharge(context, request, id))
      }),
    createRefund: (order, options = {}) =>
      call(async () => {
        const command = readRefundOrder(order)
        if (isRejection(command)) return rejected(command)
        const { chargeId } = order
        const body = { chargeId, ...command, amount: command.amount ?? null }
        const request = keyedRequest(context, scope, 'createRefund', body, options)
        if (isRejection(request)) return rejected(request)
        return refundResult(await createRefund(context, request, chargeId, command))
      }),
  }
}

type Reads = Pick<MiniPay, 'charge' | 'charges' | 'refund' | 'refunds' | 'attempts' | 'events' | 'balances'>

function readsOf(context: Context, scope: Scope, call: Call): Reads {
  const { store } = context
  return {
    charge: (id) =>
      call(async () => {
        const charge = await store.charge(scope, id)
        return charge && factsOf(charge)
      }),
    charges: (query) =>
      call(async () => {
        const page = await store.charges(scope, { limit: DEFAULT_LIMIT, ...query })
        return { ...page, data: page.data.map(factsOf) }
      }),
    refund: (id) => call(() => store.refund(scope, id)),
    refunds: (query) => call(() => store.refunds(scope, { limit: DEFAULT_LIMIT, ...query })),
    attempts: (id) => call(() => listAttempts(context, scope, id)),
    events: (query) =>
      call(async () => {
        const page = await store.events(scope, { after: 0, limit: DEFAULT_LIMIT, ...query })
        const data = page.data.map((event) => ({ ...event, data: decodeSnapshot(event.data) }))
        return { ...page, data, purgedTo: await store.eventsPurgedTo(scope) }
      }),
    balances: () => call(() => store.balances(scope)),
  }
}

function routingOf(
  context: Context,
  scope: Scope,
  call: Call,
): Pick<MiniPay, 'routingRules' | 'replaceRoutingRules'> {
  const { router, newId, now } = context
  const audit: Audit = ({ action, object = null, before = null, after = null }) => ({
    ...{ id: newId('aud'), scope, at: now(), actor: 'library', action, object, before, after },
    ...{ address: null, requestId: null },
  })
  return {
    routingRules: () => call(() => router.current(scope)),
    replaceRoutingRules: (document) =>
      call(async () => {
        const replaced = await router.replace(scope, document, {}, audit)
        return isRejection(replaced) ? rejected(replaced) : { version: replaced.version }
      }),
  }
}

function keyedRequest(
  context: Context,
  scope: Scope,
  operation: string,
  body: object,
  { idempotencyKey = context.newKey() }: RequestOptions,
): KeyedRequest | Rejection {
  const fault = keyFault(idempotencyKey)
  if (fault) return fault
  const fingerprint = context.fingerprint(canonicalRequest(operation, body))
  return { scope, key: idempotencyKey, fingerprint, surface: 'minipay' }
}

function ignore(): void {}

function keyFault(key: unknown): Rejection | undefined {
  if (typeof key !== 'string' || !isIdempotencyKey(key))
    return reject(
      'idempotency_key_invalid',
      'An idempotency key is 1 to 255 visible ASCII characters.',
      'idempotencyKey',
    )
  return holdsCardNumber(key) ? cardRefused('idempotencyKey') : undefined
}

function rejected({ rejected: _, ...rejection }: Rejection): Rejected {
  return { kind: 'rejected', ...rejection }
}

function chargeResult(ended: Result | Rejection): ChargeResult {
  if (isRejection(ended)) return rejected(ended)
  if (ended.about !== 'charge') throw new Error(`a request about a charge ended with ${ended.object.id}`)
  return resultOf(ended, { charge: factsOf(ended.object) })
}

function refundResult(ended: Result | Rejection): RefundResult {
  if (isRejection(ended)) return rejected(ended)
  if (ended.about !== 'refund') throw new Error(`a request about a refund ended with ${ended.object.id}`)
  return resultOf(ended, { refund: ended.object })
}

function resultOf<S extends object>({ kind, refusal, replayed }: Result, shown: S): Settled<S> {
  if (kind !== 'declined' && kind !== 'unavailable') return { ...shown, kind, replayed }
  const { declineCode = null, failureMessage = null } = refusal ?? {}
  return { ...shown, kind, declineCode, failureMessage, replayed }
}

/** A charge without its version, which guards writes and says nothing to a reader. */
function factsOf({ version: _, ...facts }: ChargeFacts & { readonly version?: number }): ChargeFacts {
  return facts
}
