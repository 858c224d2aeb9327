import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { checkTypedKey, createAuthenticate, createMayRead } from './api/authenticate.ts'
import type { ServerFacts, Services } from './api/endpoint.ts'
import { makeFirstKey } from './app/access/first-key.ts'
import { createRateLimits } from './app/access/rate-limits.ts'
import { atMostEvery } from './app/at-most-every.ts'
import type { Context } from './app/context.ts'
import { createEventWaits } from './app/events/waits.ts'
import { type Config, linkVariables, misspeltVariables } from './config.ts'
import { type Core, openCore, type Parts, type Watch } from './core.ts'
import { isPostgres, publicName } from './database-name.ts'
import type { DeliveryAttempt } from './domain/delivery.ts'
import { canonicalJson } from './domain/idempotency.ts'
import { MODES, OPERATOR_ACCOUNT } from './domain/scope.ts'
import { assertFree, isLoopback, type Listening } from './http/listening.ts'
import type { Server } from './http/server.ts'
import { accessLogger } from './observe/access-log.ts'
import { limitRepeats } from './observe/limit-repeats.ts'
import { createLog, type Log } from './observe/log.ts'
import { standardOutput } from './observe/log-output.ts'
import { countLabels, createMetrics, exposition, loadPrometheus, type Metrics } from './observe/metrics.ts'
import { logLinkVariables, warnOfMisspeltVariables, warnOfProxy } from './observe/variables.ts'
import { warnOfOpenNetworks } from './open-networks.ts'
import type { StoreUnavailable } from './ports/store.ts'
import { shownSettings } from './shown-settings.ts'
import { allocateYoung } from './young-objects.ts'

const MINUTE_MS = 60_000
/** The age of facts about the database, in ms: their reading takes PostgreSQL a look at each of its files. */
const FACTS_MS = 5_000
const HOUR_MS = 3_600_000
/** The interval between the modules that load after the start, in ms: the largest takes half of it. */
const LOAD_EVERY_MS = 50
/** How much longer than its time-out a stop may take before the process ends, in ms. */
const HANG_MS = 2_000
/** How long a stop waits for a log that is not read, in ms. */
const LOG_FLUSH_MS = 500
/** CSV exports at once: each keeps a batch in memory, and reads the store all the time. */
const MOST_EXPORTS = 8
/** Those of one API key, so that it leaves some to the others. */
const MOST_EXPORTS_OF_ONE = 2

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version

export type Serving = {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly address: string
  readonly log: Log
  /** Stops: no new work, requests in flight are completed, deliveries finished or released, the database closed. */
  close(): Promise<void>
}

/**
 * Serves MiniPay over HTTP. Throws a sentence when the database is in use, newer or damaged, the providers' file cannot
 * be used, or the port is taken. `onFatal` is called when the database can no longer be used: the process should end,
 * and be started again. A `signal` that is aborted ends the wait for a database: then it throws the signal's reason.
 */
export async function serve(
  config: Config,
  onFatal: (error: Error) => void,
  parts: Partial<Parts> = {},
  signal?: AbortSignal,
): Promise<Serving> {
  if (isNewFile(config.database)) await assertFree(config.host, config.port)
  const output = standardOutput()
  const log = createLog(config.logLevel, output)
  const metrics = createMetrics(output.dropped)
  const onLoopback = await isLoopback(config.host)
  const watch = watchOf(metrics)
  // Behind a proxy, requests come from other machines, too.
  const isLocal = onLoopback && config.trustedProxies.length === 0
  const opening = openCore(config, { log, onFatal, env: process.env, parts, signal, watch, isLocal })
  const [core, [{ createServer }, { servedApi }]] = await Promise.all([opening, loadHttp()])
  const { context, workers } = core
  const rates = createRateLimits(config.rateLimit, context.runtime)
  const withDocs = config.docs === 'always' || (config.docs === 'loopback' && onLoopback)
  const sessions = config.noDashboard ? undefined : context.sessions
  const access = { ...config, ...context, sessions, onLoopback, rates }
  const authenticate = createAuthenticate(access)
  const mayRead = createMayRead(authenticate, { ...config, onLoopback })
  const eventWaits = createEventWaits(config.maxEventStreams)
  const facts = factsOf(config, context, withDocs)
  const exports = createEventWaits(MOST_EXPORTS, MOST_EXPORTS_OF_ONE)
  const logAccess = accessLogger(log, config.accessLog)
  let server: Server | undefined
  let listening: Listening
  try {
    server = await createServer({
      api: servedApi(
        servicesOf(config, core, metrics, { server: facts, mayRead, eventWaits, exports }),
        VERSION,
        withDocs,
        sessions && {
          ...{ sessions, rates },
          checkKey: (request, typed) => checkTypedKey(access, request, typed),
        },
      ),
      log,
      authenticate,
      allowedOrigins: config.allowedOrigins,
      newRequestId: () => context.newId('req'),
      keepAliveMs: config.keepAliveMs,
      maxConnections: config.maxConnections,
      trustedProxies: config.trustedProxies,
      rates,
      maxRequests: config.maxRequests,
      onResponse(served) {
        const { method, route, status, ms, waited } = served
        if (!waited)
          metrics.requests.observe(`method="${method}",route="${route}",status="${status}"`, ms / 1000)
        logAccess(served)
      },
      onInternalError: () => {
        metrics.errors++
      },
      onFull: fullLogger(log, config.maxConnections),
      onUnavailable: unavailableLogger(log),
    })
    listening = await server.listen(config.host, config.port)
    // The name was resolved twice; what needs no key depends on the first time.
    if (onLoopback && !listening.onLoopback) {
      await server.close(0)
      throw new Error(
        `${config.host} was an address of loopback, but MiniPay is bound to ${listening.bound.join(' and ')}. Set MINIPAY_HOST to an address.`,
      )
    }
    await recordStart(context, config)
    // Last, so that a start that fails leaves no key. Off loopback, requests without a key get 401 until then.
    await settleAccess(config, context, onLoopback)
  } catch (error) {
    await server?.close(0)
    await context.store.close()
    throw error
  }
  const { url: address, bound } = listening
  workers.start()
  loadRest(log)
  warnOfOpenNetworks(log, config, isLocal)
  warnOfProxy(log, process.env)
  warnOfMisspeltVariables(log, misspeltVariables(process.env))
  logLinkVariables(log, linkVariables(process.env))
  log.info(
    { address, bound, pid: process.pid, database: publicName(config.database), version: VERSION },
    'MiniPay is listening.',
  )

  return {
    address,
    log,
    async close() {
      const graceMs = config.shutdownTimeoutMs
      eventWaits.stop()
      exports.stop()
      await Promise.all([server.close(graceMs), workers.stop(graceMs)])
      await context.store.close()
      log.info({}, 'MiniPay has stopped.')
      await output.flush(LOG_FLUSH_MS)
    },
  }
}

/**
 * Loads the HTTP library in a later turn: by then the database's thread starts, or its server connects. In this turn the
 * library would come first.
 */
async function loadHttp() {
  await nextTurn()
  return Promise.all([import('./http/server.ts'), import('./api/served-api.ts')])
}

/** Records the settings in the log of the operator's account: in both modes, because a caller sees the log of one. */
async function recordStart({ store, newId, now }: Core['context'], config: Config): Promise<void> {
  const after = canonicalJson({ version: VERSION, settings: shownSettings(config) })
  const entries = MODES.map((mode) =>
    store.addAuditEntry({
      ...{ id: newId('aud'), scope: { accountId: OPERATOR_ACCOUNT, mode }, at: now() },
      ...{ actor: 'server', action: 'server.started', object: null, before: null, after },
      ...{ address: null, requestId: null },
    }),
  )
  await Promise.all(entries)
}

/** Makes the first key where requests need one, and says what a request without a key can do. */
async function settleAccess(
  { insecureNoAuth }: Config,
  context: Context,
  onLoopback: boolean,
): Promise<void> {
  const { log, providers, store } = context
  if (insecureNoAuth)
    return log.warn(
      {},
      'INSECURE: requests without an API key can do everything in test mode, because of --insecure-no-auth.',
    )
  if (onLoopback) {
    if (!(await store.anyAccessKey()))
      log.info(
        {},
        'No API key exists: programs on this machine need none and are in test mode. See minipay keys --help.',
      )
    return
  }
  const mode = [...providers.values()].some((provider) => provider.mode === 'live') ? 'live' : 'test'
  const made = await makeFirstKey(context, mode)
  if (!made) return
  // Not in the log, which many can read. It is the only copy.
  process.stdout.write(
    `The first API key of this server, an administrator in ${mode} mode. MiniPay shows it only this once:\n${made.secret}\n`,
  )
  log.info({ key: made.key.id, mode }, 'Made the first API key; standard output has it once.')
}

/** A start that fails because of its port must not leave a database that it has just made. */
function isNewFile(database: string): boolean {
  return !isPostgres(database) && !existsSync(database)
}

export type Foreground = {
  readonly onListening: (address: string) => void
  /** Called with an error that ends the process; `doing` begins the sentence about it. */
  readonly onError: (error: unknown, doing: string) => void
}

/**
 * Serves until SIGTERM or SIGINT, then stops. Resolves with the exit status of the process; rejects as `serve` does. Ends
 * the process at once when the database can no longer be used, or when a stop hangs.
 */
export async function serveUntilSignal(
  config: Config,
  { onListening, onError }: Foreground,
): Promise<number> {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  const stopping = new AbortController()
  const onFatal = (error: Error) => {
    onError(error, '')
    process.exit(1)
  }
  const starting = serve(config, onFatal, {}, stopping.signal)
  const stop = async () => {
    // The process ends even if something hangs: leases and idempotency keys make that safe.
    setTimeout(() => process.exit(1), config.shutdownTimeoutMs + HANG_MS).unref()
    stopping.abort()
    try {
      await (await starting).close()
      end(0)
    } catch (error) {
      // It waited for its database.
      if (error === stopping.signal.reason) return end(0)
      onError(error, 'could not stop cleanly: ')
      end(1)
    }
  }
  // Before it listens, so that it handles a signal that comes with the first request.
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const started = await starting.catch((error: unknown) => {
    if (error !== stopping.signal.reason) throw error
  })
  if (started) onListening(started.address)
  return ended
}

/**
 * Loads what the start did not wait for, a module at a time, with pauses in which the first requests are served. Without a
 * free descriptor the first request that needs one of them could not have it; and a module that failed to load stays so.
 */
function loadRest(log: Log): void {
  const load = createRequire(import.meta.url)
  const rest: (() => unknown)[] = [
    ...['ajv', 'jsonc-parser'].map((name) => () => load(name)),
    loadPrometheus,
    () => import('negotiator'),
    () => import('./rules/cel.ts'),
  ]
  const next = async () => {
    const step = rest.shift()
    if (!step) {
      allocateYoung()
      return log.debug({}, 'Every module is loaded.')
    }
    try {
      await step()
    } catch (err) {
      log.warn({ err }, 'A module could not be preloaded; the first request that needs it loads it.')
    }
    setTimeout(next, LOAD_EVERY_MS).unref()
  }
  setTimeout(next, LOAD_EVERY_MS).unref()
}

function watchOf(metrics: Metrics): Watch {
  return {
    onGroup: (size) => metrics.groups.observe('', size),
    onCall: (provider, call, outcome, ms) =>
      metrics.calls.observe(`provider="${provider}",call="${call}",outcome="${outcome}"`, ms / 1000),
    onAlarm: (provider, alarm) => countLabels(metrics.alarms, { provider, alarm }),
    onWebhook: (attempt, ms) => metrics.webhooks.observe(`outcome="${outcomeLabel(attempt)}"`, ms / 1000),
  }
}

function factsOf(config: Config, { runtime }: Context, withDocs: boolean): ServerFacts {
  const startedAt = runtime.monotonic()
  // Whoever may read metrics need not know where the server keeps its files.
  const { database: _, providers: __, ...others } = config
  return {
    version: VERSION,
    withDocs,
    insecureNoAuth: config.insecureNoAuth,
    publicUrl: config.publicUrl,
    uptimeS: () => Math.floor((runtime.monotonic() - startedAt) / 1_000),
    settings: shownSettings(others),
  }
}

function servicesOf(
  config: Config,
  core: Core,
  metrics: Metrics,
  more: Pick<Services, 'server' | 'mayRead' | 'eventWaits' | 'exports'>,
): Services {
  const { context, providerCheck, workers, webhooks } = core
  const { providers, health, calls } = context
  const spoken = limitRepeats()
  const unknownAgeMs = config.unknownAgeMinutes * MINUTE_MS
  return {
    context,
    unknownAgeMs,
    prometheus: exposition(metrics, {
      store: context.store,
      webhooksInFlight: webhooks.inFlight,
      heldEndpoints: workers.heldEndpoints,
      eventStreams: more.eventWaits.open,
      providers: () =>
        [...providers.values()]
          .filter(({ remote }) => remote)
          .map(({ name }) => ({
            name,
            inFlight: calls.inFlight(name),
            breaker: health.snapshot(name).state,
            lookupBreaker: health.snapshot(name).lookups.state,
          })),
      unknownAgeMs,
      actionAgeMs: config.actionAgeHours * HOUR_MS,
      now: context.now,
      clockMovedMs: () => context.clock.warning()?.movedMs ?? 0,
    }),
    systemFacts: atMostEvery(FACTS_MS, context.runtime, context.store.systemFacts),
    providerCheck,
    working: workers.alive,
    ...more,
    onNotification(provider, result) {
      countLabels(metrics.notifications, { provider, result })
      // Anyone can send one: they shall not fill the log.
      if (result === 'refused' && spoken())
        context.log.warn({ provider }, 'Refused notifications that could not be verified.')
      if (result === 'stored') workers.wakeNotifications()
    },
  }
}

/** Logs refusals, now and then. */
function unavailableLogger(log: Log): (error: StoreUnavailable) => void {
  const spoken = limitRepeats()
  return ({ reason, message }) => {
    if (reason !== 'closing' && spoken())
      log.error({ reason, cause: message }, 'Database unavailable; requests get 503.')
  }
}

/** Logs that there were too many connections, now and then. */
function fullLogger(log: Log, maxConnections: number): () => void {
  const spoken = limitRepeats()
  return () => {
    if (spoken())
      log.warn({ max_connections: maxConnections }, 'Too many connections: MiniPay closes idle ones.')
  }
}

function outcomeLabel(attempt: DeliveryAttempt): string {
  return attempt.kind === 'response' ? `${Math.floor(attempt.status / 100)}xx` : attempt.kind
}
