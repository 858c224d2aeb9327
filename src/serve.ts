import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Services } from './api/endpoint.ts'
import { webhookBody } from './api/webhook-body.ts'
import { openClock, type ServingClock } from './app/clock.ts'
import { type Context, createContext } from './app/context.ts'
import { createHealth, type Health } from './app/health.ts'
import { createProviderCheck, type ProviderCheck, standInRefused, warnOf } from './app/provider-check.ts'
import { createRouter } from './app/router.ts'
import { type Config, linkVariables } from './config.ts'
import { publicName } from './database-name.ts'
import type { DeliveryAttempt } from './domain/delivery.ts'
import type { Listening } from './http/listening.ts'
import type { Server } from './http/server.ts'
import { createLog, type Log } from './observe/log.ts'
import { standardOutput } from './observe/log-output.ts'
import { countLabels, createMetrics, exposition, type Metrics } from './observe/metrics.ts'
import { nowAndThen } from './observe/now-and-then.ts'
import { tellOfLinks, warnOfProxy } from './observe/variables.ts'
import type { Provider } from './ports/provider.ts'
import { within } from './ports/runtime.ts'
import { DEFAULT_SCOPE, type Store, type StoreUnavailable } from './ports/store.ts'
import { loadProviders } from './providers/config.ts'
import { ProviderConfigError } from './providers/fields.ts'
import { nodeRuntime as runtime } from './runtime/node.ts'
import { openStore } from './storage/database.ts'
import { startClockWatch } from './workers/clock.ts'
import { type Deliverer, startDeliverer } from './workers/deliver.ts'
import type { Loop } from './workers/loop.ts'
import { startNotifications } from './workers/notifications.ts'
import { startPurge } from './workers/purge.ts'
import { startRecovery } from './workers/recover.ts'
import { webhookClient } from './workers/webhook-client.ts'

/** The endpoint that WEBHOOK_TARGET names; its deliveries follow the setting, whatever it is now. */
const DEFAULT_ENDPOINT = 'default'
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A request that takes longer is logged. */
const SLOW_MS = 1_000
/** How long a stop waits for a log that is not read. */
const LOG_FLUSH_MS = 500

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version

export type MiniPay = {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly address: string
  readonly log: Log
  /** Stops: no new work, requests in flight answered, deliveries finished or released, the database closed. */
  close(): Promise<void>
}

/** What a MiniPay is made of; a test may put something of its own around a part. */
export type Parts = {
  readonly store: (store: Store) => Store
  readonly provider: (provider: Provider) => Provider
  readonly health: (health: Health) => Health
}
const AS_THEY_ARE: Parts = {
  store: (store) => store,
  provider: (provider) => provider,
  health: (health) => health,
}

/**
 * Starts MiniPay. Throws a sentence when the database is in use, newer or damaged, the providers' file can't
 * be used, or the port is taken. `onFatal` is called when it can't go on: the process should end, and be
 * started again. A `signal` that is aborted ends the wait for a database: then it throws the signal's reason.
 */
export async function run(
  config: Config,
  onFatal: (error: Error) => void,
  changed: Partial<Parts> = {},
  signal?: AbortSignal,
): Promise<MiniPay> {
  const parts = { ...AS_THEY_ARE, ...changed }
  const output = standardOutput()
  const log = createLog(config.logLevel, output)
  const metrics = createMetrics(output.dropped)
  const providers = (
    await loadProviders(config.providers, process.env, {
      now: () => store.now(),
      egress: config.allowedTargets,
    })
  ).map(parts.provider)
  const opening = openStore({
    database: config.database,
    onGroup: (size) => metrics.groups.observe('', size),
    onFatal,
    log,
    signal,
    withoutFsync: config.withoutFsync,
  })
  // While the database's thread starts, this one loads the HTTP library.
  const [opened, { createServer }, { servedEndpoints }] = await Promise.all([
    opening,
    import('./http/server.ts'),
    import('./api/endpoints.ts'),
  ])
  const store = parts.store(opened)
  const workers = workersOf(config, log, metrics)
  const health = parts.health(healthOf(log))
  const clock = await openClock({ store, log, passed: runtime.monotonic }).catch(async (error) => {
    await store.close()
    throw error
  })
  const context = contextOf(config, { store, providers, health, log, metrics, clock }, () =>
    workers.deliverer?.wake(),
  )
  const check = createProviderCheck({
    ...{ store, router: context.router, providers },
    now: runtime.monotonic,
  })
  let server: Server
  let listening: Listening
  try {
    await checkProviders(config, check, log)
    server = await createServer({
      endpoints: servedEndpoints(servicesOf(config, { context, metrics, workers, check }), VERSION),
      log,
      newRequestId: () => context.newId('req'),
      keepAliveMs: config.keepAliveMs,
      maxConnections: config.maxConnections,
      onResponse(method, route, status, ms, requestId) {
        metrics.requests.observe(`method="${method}",route="${route}",status="${status}"`, ms / 1000)
        logRequest(log, { method, route, status, ms: Math.round(ms), request_id: requestId })
      },
      onInternalError: () => {
        metrics.errors++
      },
      onDrop: dropLogger(log, config.maxConnections),
      onUnavailable: unavailableLogger(log),
    })
    listening = await server.listen(config.host, config.port)
  } catch (error) {
    await store.close()
    throw error
  }
  const { url: address, bound } = listening
  workers.start(context, clock)
  loadRest(log)
  warnOfProxy(log, process.env)
  tellOfLinks(log, linkVariables(process.env))
  log.info(
    { address, bound, pid: process.pid, database: publicName(config.database), version: VERSION },
    'MiniPay is listening.',
  )

  return {
    address,
    log,
    async close() {
      const graceMs = config.shutdownTimeoutMs
      await Promise.all([server.close(graceMs), workers.stop(context, graceMs)])
      await store.close()
      log.info({}, 'MiniPay has stopped.')
      await output.flush(LOG_FLUSH_MS)
    },
  }
}

/**
 * Warns of what the database needs and the configuration lacks. Throws a sentence when the sandbox would take the place
 * of real providers only because nobody said which there are.
 */
async function checkProviders({ providers }: Config, check: ProviderCheck, log: Log): Promise<void> {
  const refused = providers === '' ? standInRefused(await check.used(DEFAULT_SCOPE)) : undefined
  if (refused !== undefined) throw new ProviderConfigError(refused)
  warnOf(await check.report(DEFAULT_SCOPE), log)
}

/**
 * Loads what the start did not wait for, a module a turn. Without a free descriptor the first request that needs one of
 * them could not have it; and a module that failed to load stays so.
 */
function loadRest(log: Log): void {
  const load = createRequire(import.meta.url)
  const rest: (() => unknown)[] = [
    ...['ajv', 'jsonc-parser', 'prom-client', 'undici'].map((name) => () => load(name)),
    () => import('negotiator'),
    () => import('./rules/cel.ts'),
  ]
  const next = async () => {
    const step = rest.shift()
    if (!step) return log.debug({}, 'Every module is loaded.')
    try {
      await step()
    } catch (err) {
      log.warn({ err }, 'A module could not be preloaded; the first request that needs it loads it.')
    }
    setImmediate(next).unref()
  }
  setImmediate(next).unref()
}

function healthOf(log: Log): Health {
  return createHealth(runtime.monotonic, (provider, state, call) =>
    log.warn(
      { provider, calls: call === 'money' ? 'calls that move money' : 'lookups' },
      state === 'open' ? 'Provider circuit breaker opened.' : 'Provider circuit breaker closed.',
    ),
  )
}

type Made = {
  readonly store: Store
  readonly providers: readonly Provider[]
  readonly health: Health
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: ServingClock
}

function contextOf(
  config: Config,
  { store, providers, health, log, metrics, clock }: Made,
  onDeliveries: () => void,
): Context {
  return createContext({
    store,
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    router: createRouter({
      store,
      providers: providers.map(({ name }) => name),
      health,
      loadConditions: async () => (await import('./rules/cel.ts')).compileCondition,
      now: clock.now,
      runtime,
    }),
    health,
    log,
    endpoints: config.webhookTarget ? [DEFAULT_ENDPOINT] : [],
    onDeliveries,
    onCall: (provider, call, outcome, ms) =>
      metrics.calls.observe(`provider="${provider}",call="${call}",outcome="${outcome}"`, ms / 1000),
    onAlarm: (provider, alarm) => countLabels(metrics.alarms, { provider, alarm }),
    idempotencyWaitMs: config.idempotencyWaitMs,
    providerWaitMs: config.providerWaitMs,
    actionAgeMs: config.actionAgeHours * HOUR_MS,
    runtime,
    clock,
  })
}

type Serving = {
  readonly context: Context
  readonly metrics: Metrics
  readonly workers: Workers
  readonly check: ProviderCheck
}

function servicesOf(config: Config, { context, metrics, workers, check }: Serving): Services {
  const { providers, health, calls } = context
  const spoken = nowAndThen()
  return {
    context,
    prometheus: exposition(metrics, {
      store: context.store,
      webhooksInFlight: () => workers.overall.inFlight,
      providers: () =>
        [...providers.values()]
          .filter(({ remote }) => remote)
          .map(({ name }) => ({
            name,
            inFlight: calls.inFlight(name),
            breaker: health.snapshot(name).state,
            lookupBreaker: health.snapshot(name).lookups.state,
          })),
      unknownAgeMs: config.unknownAgeMinutes * MINUTE_MS,
      actionAgeMs: config.actionAgeHours * HOUR_MS,
      now: context.now,
      clockMovedMs: () => context.clock.warning()?.movedMs ?? 0,
    }),
    providerCheck: check,
    working: workers.alive,
    onNotification(provider, result) {
      countLabels(metrics.notifications, { provider, result })
      // Anyone can send one: they shall not fill the log.
      if (result === 'refused' && spoken())
        context.log.warn({ provider }, 'Refused notifications that could not be verified.')
      if (result === 'stored') workers.onNotification()
    },
  }
}

type Workers = {
  readonly deliverer: Deliverer | undefined
  /** Webhooks in flight over all endpoints. */
  readonly overall: { inFlight: number; readonly limit: number }
  onNotification(): void
  alive(): boolean
  start(context: Context, clock: ServingClock): void
  /** Begins nothing more, and waits up to `graceMs` for what is under way; what is not done then has its lease. */
  stop(context: Context, graceMs: number): Promise<void>
}

function workersOf(config: Config, log: Log, metrics: Metrics): Workers {
  const overall = { inFlight: 0, limit: config.webhookConcurrency }
  let deliverer: Deliverer | undefined
  let notifications: Loop | undefined
  const loops: Loop[] = []
  let working = true
  return {
    get deliverer() {
      return deliverer
    },
    overall,
    onNotification: () => notifications?.wake(),
    alive: () => working && (deliverer?.alive() ?? true) && loops.every((loop) => loop.alive()),
    start(context, clock) {
      const { store } = context
      if (config.webhookTarget)
        deliverer = startDeliverer({
          store,
          endpoint: DEFAULT_ENDPOINT,
          client: webhookClient({
            target: config.webhookTarget,
            connections: config.webhookTargetConcurrency,
            egress: config.allowedTargets,
            runtime,
          }),
          body: webhookBody,
          secret: config.webhookSecret,
          concurrency: config.webhookTargetConcurrency,
          overall,
          log,
          runtime,
          now: context.now,
          onAttempt: (attempt, ms) =>
            metrics.webhooks.observe(`outcome="${outcomeLabel(attempt)}"`, ms / 1000),
        })
      const providers = [...context.providers.values()]
      if (providers.some(({ remote }) => remote)) notifications = startNotifications(context)
      loops.push(
        ...providers.map((provider) => startRecovery(context, provider)),
        ...(notifications ? [notifications] : []),
        startPurge(context, config.idempotencyRetentionHours * HOUR_MS, clock),
        startClockWatch(context, clock),
      )
    },
    async stop({ background, providers }, graceMs) {
      working = false
      const ended = Promise.all(loops.map((loop) => loop.stop())).then(() => background.ended())
      await Promise.all([within(runtime, graceMs, ended), deliverer?.stop(graceMs)])
      await Promise.all([...providers.values()].map((provider) => provider.remote && provider.close()))
      await ended
    },
  }
}

/** Logs refusals, now and then. */
function unavailableLogger(log: Log): (error: StoreUnavailable) => void {
  const spoken = nowAndThen()
  return ({ reason, message }) => {
    if (reason !== 'closing' && spoken())
      log.error({ reason, cause: message }, 'Database unavailable; requests get 503.')
  }
}

/** A line for each request at `debug`; for one that failed or took long at `info`. Never a body, a key or a header. */
function logRequest(
  log: Log,
  request: { method: string; route: string; status: number; ms: number; request_id: string },
): void {
  if (request.status >= 500 || request.ms > SLOW_MS) log.info(request, 'Request finished.')
  else if (log.isLevelEnabled('debug')) log.debug(request, 'Request finished.')
}

/** Logs connections that were closed because there were too many, now and then. */
function dropLogger(log: Log, maxConnections: number): () => void {
  const spoken = nowAndThen()
  return () => {
    if (spoken()) log.warn({ max_connections: maxConnections }, 'Too many connections; new ones are closed.')
  }
}

function outcomeLabel(attempt: DeliveryAttempt): string {
  return attempt.kind === 'answered' ? `${Math.floor(attempt.status / 100)}xx` : attempt.kind
}
