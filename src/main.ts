import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createContext } from './app/context.ts'
import type { Config } from './config.ts'
import type { DeliveryAttempt } from './domain/delivery.ts'
import type { Server } from './http/server.ts'
import { createLog, type Log } from './observe/log.ts'
import { createMetrics, exposition } from './observe/metrics.ts'
import type { StoreUnavailable } from './ports/store.ts'
import { sandbox } from './providers/index.ts'
import { openSqliteStore } from './storage/sqlite/store.ts'
import { type Deliverer, startDeliverer } from './workers/deliver.ts'
import { startPurge } from './workers/purge.ts'
import { webhookClient } from './workers/webhook-client.ts'

/** The endpoint that WEBHOOK_TARGET names; its deliveries follow the setting, whatever it is now. */
const DEFAULT_ENDPOINT = 'default'
const HOUR_MS = 3_600_000

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

/**
 * Starts MiniPay. Throws a sentence when the database is in use, newer or damaged, or the port is taken.
 * `onFatal` is called when it can't go on: the process should end, and be started again.
 */
export async function run(config: Config, onFatal: (error: Error) => void): Promise<MiniPay> {
  const log = createLog(config.logLevel)
  const metrics = createMetrics()
  const opening = openSqliteStore({
    file: config.database,
    onGroup: (size) => metrics.groups.observe('', size),
    onFatal,
  })
  // While the database's thread starts, this one loads the HTTP library.
  const [store, { createServer }] = await Promise.all([opening, import('./http/server.ts')])
  let deliverer: Deliverer | undefined
  let working = true
  const overall = { inFlight: 0, limit: config.webhookConcurrency }
  const context = createContext({
    store,
    provider: sandbox,
    endpoints: config.webhookTarget ? [DEFAULT_ENDPOINT] : [],
    onDeliveries: () => deliverer?.wake(),
    idempotencyWaitMs: config.idempotencyWaitMs,
  })
  let server: Server
  let address: string
  try {
    server = await createServer({
      http: {
        context,
        prometheus: exposition(metrics, store, () => overall.inFlight),
        working: () => working && (deliverer?.alive() ?? true),
      },
      version: VERSION,
      log,
      newRequestId: () => context.newId('req'),
      onAnswer: (method, route, status, ms) =>
        metrics.requests.observe(`method="${method}",route="${route}",status="${status}"`, ms / 1000),
      onInternalError: () => {
        metrics.errors++
      },
      onUnavailable: unavailableLogger(log),
    })
    address = await server.listen(config.host, config.port)
  } catch (error) {
    await store.close()
    throw error
  }
  if (config.webhookTarget) {
    deliverer = startDeliverer({
      store,
      endpoint: DEFAULT_ENDPOINT,
      client: webhookClient(config.webhookTarget, config.webhookTargetConcurrency),
      secret: config.webhookSecret,
      concurrency: config.webhookTargetConcurrency,
      overall,
      newToken: randomUUID,
      log,
      onAttempt: (attempt, ms) => metrics.webhooks.observe(`outcome="${outcomeLabel(attempt)}"`, ms / 1000),
    })
  }
  const purge = startPurge(store, config.idempotencyRetentionHours * HOUR_MS, log)
  log.info({ address, database: config.database, version: VERSION }, 'MiniPay is listening.')

  return {
    address,
    log,
    async close() {
      working = false
      const graceMs = config.shutdownTimeoutMs
      await Promise.all([server.close(graceMs), purge.stop(), deliverer?.stop(graceMs)])
      await store.close()
      log.info({}, 'MiniPay has stopped.')
    },
  }
}

/** Logs the first of a run of refusals, and one every ten seconds while it lasts. */
function unavailableLogger(log: Log): (error: StoreUnavailable) => void {
  let quietUntil = 0
  return ({ reason, message }) => {
    if (reason === 'closing' || Date.now() < quietUntil) return
    quietUntil = Date.now() + 10_000
    log.error({ reason, cause: message }, 'The database refuses work; requests are answered 503.')
  }
}

function outcomeLabel(attempt: DeliveryAttempt): string {
  return attempt.kind === 'answered' ? `${Math.floor(attempt.status / 100)}xx` : attempt.kind
}
