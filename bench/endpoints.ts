/**
 * Webhook endpoints, on both engines: what they cost the charges, deliveries a second, the time from an event to its
 * receipt, and claims with a long backlog.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './banks.ts'
import {
  type Bench,
  COMPILED_AFTER,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withDatabase,
  withServer,
} from './bench.ts'
import { withPostgres } from './postgres.ts'
import { refusingPort, type Server, startMiniPay, startReceiver, type WebhookReceiver } from './processes.ts'

const ENGINES = ['SQLite', 'PostgreSQL'] as const
type Engine = (typeof ENGINES)[number]
const COST = 'endpoints: charges'
const RATE = 'endpoints: deliveries'
const LATENCY = 'endpoints: latency'

const CONNECTIONS = 64
/** The rates of charges as a share of that without an endpoint. */
const LIVE_AIM = 0.7
const DEAD_AIM = 0.9
/** The p99 from an event to its receipt at rest, in ms. */
const RECEIPT_AIM_MS = 50
const DRAIN_LIMIT_MS = 60_000
const POLL_MS = 20
/** Charges a second at rest, and the seconds of that. */
const REST_RATE = 20
const REST_SECONDS = 5
/** Endpoints, and the events that each gets from its backlog. */
const BACKLOGS = [
  { endpoints: 1, events: 10_000 },
  { endpoints: 100, events: 300 },
] as const

/** A new database of an engine for each use. */
type Databases = <T>(use: (database: string) => Promise<T>) => Promise<T>

async function onEngines(
  bench: Bench,
  run: (engine: Engine, databases: Databases) => Promise<Row[]>,
): Promise<Row[]> {
  const rows = await run('SQLite', (use) => withDatabase(bench, use))
  return withPostgres(async (postgres) => [
    ...rows,
    ...(await run('PostgreSQL', (use) => postgres.withDatabase(use))),
  ])
}

const start = (bench: Bench, database: string) =>
  startMiniPay(database, '', bench.nodeFlags, { MINIPAY_SECRETS_KEY: randomBytes(32).toString('base64') })

type Made = { readonly id: string }
const makeEndpoints = (server: Server, urls: readonly string[]): Promise<Made[]> =>
  Promise.all(urls.map((url) => ask<Made>(server, 'POST', '/api/v1/webhook_endpoints', { url })))

/** Deliveries that wait. */
async function pending(server: Server): Promise<number> {
  const metrics = await ask<{ pending_webhooks: number }>(server, 'GET', '/metrics')
  return metrics.pending_webhooks
}

/** Resolves once no event waits for its delivery. */
async function drain(server: Server): Promise<void> {
  const deadline = performance.now() + DRAIN_LIMIT_MS
  while ((await pending(server)) > 0 && performance.now() < deadline) await sleep(POLL_MS)
}

const VARIANTS = [
  { what: 'without a webhook endpoint', endpoints: 0, live: true },
  { what: 'with one live endpoint', endpoints: 1, live: true, aim: LIVE_AIM },
  { what: 'with ten live endpoints', endpoints: 10, live: true },
  { what: 'with one dead endpoint', endpoints: 1, live: false, aim: DEAD_AIM },
  { what: 'with ten dead endpoints', endpoints: 10, live: false },
] as const
type Variant = (typeof VARIANTS)[number] & { readonly aim?: number }

/** `told`: the part of the events of a round that was delivered when its charges ended. */
type CostRun = Run & { readonly told: number }

async function measureCost(
  bench: Bench,
  server: Server,
  endpoints: number,
  receiver: WebhookReceiver,
): Promise<CostRun> {
  const load = { connections: CONNECTIONS, scenario: { kind: 'charge' } } as const
  const run = await measure(bench, server, load, { receiver })
  const events = Object.values(run.statuses).reduce((sum, count) => sum + count, 0) * endpoints
  return { ...run, told: events === 0 ? 0 : 1 - (await pending(server)) / events }
}

/** A server for each variant; in each round every one of them is measured, beginning with another one. */
async function cost(bench: Bench, engine: Engine, databases: Databases): Promise<Row[]> {
  const runs = VARIANTS.map((): CostRun[] => [])
  const receiver = await startReceiver()
  const dead = `http://127.0.0.1:${await refusingPort()}/webhook`
  const servers: Server[] = []
  const measureAll = async () => {
    for (let round = 0; round < bench.rounds; round++)
      for (let i = 0; i < VARIANTS.length; i++) {
        const at = (i + round) % VARIANTS.length
        const server = servers[at] as Server
        const { endpoints, live } = VARIANTS[at] as Variant
        runs[at]?.push(await measureCost(bench, server, endpoints, receiver))
        if (live) await drain(server)
      }
  }
  const startRest = async ([variant, ...rest]: readonly Variant[]): Promise<void> => {
    if (!variant) return measureAll()
    await databases((database) =>
      withServer(start(bench, database), async (server) => {
        servers.push(server)
        const url = variant.live ? receiver.url : dead
        await makeEndpoints(
          server,
          Array.from({ length: variant.endpoints }, (_, i) => `${url}/${i}`),
        )
        await warmUp(bench, server, { requests: COMPILED_AFTER })
        if (variant.live) await drain(server)
        await startRest(rest)
      }),
    )
  }
  try {
    await startRest(VARIANTS)
  } finally {
    await receiver.stop()
  }
  const [bare = []] = runs
  const ratio = (own: readonly Run[], of: (run: Run) => number) =>
    median(own.map((run, i) => of(run) / of(bare[i] as Run)))
  const micros = (run: Run) => run.micros['all'] ?? Number.NaN
  const receiving = (run: Run) => run.micros['receiver'] ?? Number.NaN
  return VARIANTS.map((variant: Variant, i): Row => {
    const own = runs[i] ?? []
    const rate = ratio(own, (run) => run.perSecond)
    const told = (100 * median(own.map((run) => run.told))).toFixed(0)
    const cpu = `CPU a charge ${median(own.map(micros)).toFixed(0)} µs`
    const receipts = variant.live
      ? `, of the receiver ${median(own.map(receiving)).toFixed(0)} µs; ${told}% delivered when the charges end`
      : ''
    return {
      what: `${engine}: charges ${variant.what}`,
      connections: CONNECTIONS,
      ...summary(own),
      beside:
        i === 0
          ? cpu
          : `${rate.toFixed(2)} of the rate without, p99 ${ratio(own, (run) => run.p99).toFixed(2)} times; ${cpu} (${ratio(own, micros).toFixed(2)})${receipts}`,
      ...(variant.aim !== undefined && { aim: `${variant.aim}`, met: rate >= variant.aim }),
    }
  })
}

/** Fills the backlog of disabled endpoints, then enables all, and waits for the last delivery. */
async function rateOf(
  bench: Bench,
  databases: Databases,
  receiver: WebhookReceiver,
  { endpoints, events }: (typeof BACKLOGS)[number],
): Promise<number> {
  return databases((database) =>
    withServer(start(bench, database), async (server) => {
      const made = await makeEndpoints(
        server,
        Array.from({ length: endpoints }, (_, i) => `${receiver.url}/${i}`),
      )
      const each = (action: string) =>
        Promise.all(made.map(({ id }) => ask(server, 'POST', `/api/v1/webhook_endpoints/${id}/${action}`)))
      await each('disable')
      const one = { amount: 2500, currency: 'usd', customer: 'cus_1' }
      for (let i = 0; i < events; i += 50)
        await Promise.all(Array.from({ length: 50 }, () => ask(server, 'POST', '/api/v1/charges', one)))
      const before = (await receiver.received()).deliveries
      const startedAt = performance.now()
      await each('enable')
      const all = before + endpoints * events
      while ((await receiver.received()).deliveries < all) {
        if (performance.now() - startedAt > DRAIN_LIMIT_MS) break
        await sleep(POLL_MS)
      }
      const { deliveries } = await receiver.received()
      return ((deliveries - before) * 1000) / (performance.now() - startedAt)
    }),
  )
}

async function rates(bench: Bench, engine: Engine, databases: Databases): Promise<Row[]> {
  const rows: Row[] = []
  const receiver = await startReceiver()
  try {
    for (const backlog of BACKLOGS) {
      const raw: number[] = []
      for (let i = 0; i < bench.rounds; i++) raw.push(await rateOf(bench, databases, receiver, backlog))
      const { endpoints, events } = backlog
      rows.push({
        what: `${engine}: deliveries to ${endpoints === 1 ? 'one fast endpoint' : `${endpoints} fast endpoints`}, ${events.toLocaleString('en-US')} events each`,
        perSecond: median(raw),
        raw,
      })
    }
  } finally {
    await receiver.stop()
  }
  return rows
}

/** The time from an event, which is made before its commit, to its receipt. */
async function latencies(bench: Bench, engine: Engine, databases: Databases): Promise<Row[]> {
  const receiver = await startReceiver()
  try {
    return await databases((database) =>
      withServer(start(bench, database), async (server) => {
        await makeEndpoints(server, [receiver.url])
        await warmUp(bench, server)
        const scenario = { kind: 'charge' } as const
        const loads = [
          {
            what: `at rest, ${REST_RATE} charges/s`,
            load: { rate: REST_RATE, connections: 4, seconds: REST_SECONDS },
          },
          { what: `while ${CONNECTIONS} connections charge`, load: { connections: CONNECTIONS } },
        ]
        const rows: Row[] = []
        for (const [i, { what, load }] of loads.entries()) {
          const raw: { p50: number; p99: number }[] = []
          for (let round = 0; round < bench.rounds; round++) {
            await drain(server)
            await receiver.received()
            await measure(bench, server, { ...load, scenario })
            await drain(server)
            raw.push(await receiver.received())
          }
          const p99 = median(raw.map((one) => one.p99))
          rows.push({
            what: `${engine}: from an event, before its commit, to its receipt, ${what}`,
            p50: median(raw.map((one) => one.p50)),
            p99,
            ...(i === 0 && { aim: `p99 ${RECEIPT_AIM_MS} ms`, met: p99 < RECEIPT_AIM_MS }),
            raw,
          })
        }
        return rows
      }),
    )
  } finally {
    await receiver.stop()
  }
}

export const endpoints: Part = {
  names: [COST, RATE, LATENCY],
  onlyWhenNamed: true,
  seconds: 1,
  run: (bench, wanted) =>
    onEngines(bench, async (engine, databases) => [
      ...(wanted.includes(COST) ? await cost(bench, engine, databases) : []),
      ...(wanted.includes(RATE) ? await rates(bench, engine, databases) : []),
      ...(wanted.includes(LATENCY) ? await latencies(bench, engine, databases) : []),
    ]),
}
