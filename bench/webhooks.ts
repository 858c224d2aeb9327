/** Charges with webhooks: with a receiver that accepts every one, and with one that is down. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Bench,
  measure,
  median,
  type Part,
  type Run,
  summary,
  warmUp,
  withDatabase,
  withServer,
} from './bench.ts'
import { fill } from './fill.ts'
import { refusingPort, type Server, startMiniPay, startReceiver, type WebhookReceiver } from './processes.ts'

const LIVE = 'webhooks'
const WAITING = 'waiting deliveries'

const LIVE_CONNECTIONS = [64, 256]
const CHARGES_AIM = 12_000
/** A delivery takes some time even without a backlog: this much of a second's work does not count as one. */
const BACKLOG_SHARE = 0.1
const DRAIN_LIMIT_MS = 60_000
const POLL_MS = 20

const WAITING_DELIVERIES = 100_000

type Metrics = { readonly total_charges: number; readonly pending_webhooks: number }

async function metrics(server: Server): Promise<Metrics> {
  const response = await fetch(`${server.url}/metrics`)
  return (await response.json()) as Metrics
}

type LiveRun = Run & {
  readonly deliveriesPerSecond: number
  /** Deliveries that waited when the load ended. */
  readonly backlog: number
  /** Until the last of them arrived, in ms. */
  readonly drainMs: number
  readonly duplicates: number
  /** Charges whose webhook never arrived. */
  readonly missing: number
}

/**
 * The receiver gets the charges of every number of connections: between two, the benchmark waits for the last delivery.
 */
async function liveRun(
  bench: Bench,
  server: Server,
  receiver: WebhookReceiver,
  connections: number,
): Promise<LiveRun> {
  let before = receiver.received()
  let startedAt = performance.now()
  const run = await measure(bench, server, { connections, scenario: { kind: 'charge' } }, {}, () => {
    before = receiver.received()
    startedAt = performance.now()
  })
  const endedAt = performance.now()
  const [first, last, end] = [await before, await receiver.received(), await metrics(server)]
  const drained = await drain(server)
  const { deliveries, duplicates } = await receiver.received()
  return {
    ...run,
    deliveriesPerSecond: ((last.deliveries - first.deliveries) * 1000) / (endedAt - startedAt),
    backlog: end.pending_webhooks,
    drainMs: performance.now() - endedAt,
    duplicates,
    missing: drained.total_charges - (deliveries - duplicates),
  }
}

async function drain(server: Server): Promise<Metrics> {
  const deadline = performance.now() + DRAIN_LIMIT_MS
  for (;;) {
    const now = await metrics(server)
    if (now.pending_webhooks === 0 || performance.now() > deadline) return now
    await sleep(POLL_MS)
  }
}

async function liveRound(bench: Bench): Promise<LiveRun[]> {
  const receiver = await startReceiver()
  try {
    return await withDatabase(bench, (file) =>
      withServer(startMiniPay(file, receiver.url, bench.nodeFlags), async (server) => {
        await warmUp(bench, server)
        await drain(server)
        const runs: LiveRun[] = []
        for (const connections of LIVE_CONNECTIONS)
          runs.push(await liveRun(bench, server, receiver, connections))
        return runs
      }),
    )
  } finally {
    await receiver.stop()
  }
}

function liveRow(connections: number, runs: readonly LiveRun[]) {
  const of = (name: 'deliveriesPerSecond' | 'backlog' | 'drainMs') => median(runs.map((run) => run[name]))
  const duplicates = runs.reduce((sum, run) => sum + run.duplicates, 0)
  const missing = runs.reduce((sum, run) => sum + run.missing, 0)
  const numbers = summary(runs)
  const deliveries = Math.round(of('deliveriesPerSecond'))
  return {
    what: 'charges with a live receiver taking every webhook',
    connections,
    ...numbers,
    beside:
      `${deliveries.toLocaleString('en-US')} deliveries/s; ${of('backlog')} waiting at the end, ` +
      `all delivered ${Math.round(of('drainMs'))} ms later; ${duplicates} duplicates, ${missing} missing`,
    aim: '12,000, no backlog, no duplicates',
    met:
      (numbers.perSecond ?? 0) >= CHARGES_AIM &&
      of('backlog') <= BACKLOG_SHARE * deliveries &&
      duplicates === 0 &&
      missing === 0,
  }
}

export const liveWebhooks: Part = {
  names: [LIVE],
  seconds: 1,
  async run(bench) {
    const rounds: LiveRun[][] = []
    for (let i = 0; i < bench.rounds; i++) rounds.push(await liveRound(bench))
    return LIVE_CONNECTIONS.map((connections, i) =>
      liveRow(
        connections,
        rounds.flatMap((round) => round[i] ?? []),
      ),
    )
  },
}

export const waitingDeliveries: Part = {
  names: [WAITING],
  seconds: 1,
  run: (bench) =>
    withDatabase(bench, async (file) => {
      fill(file, { charges: WAITING_DELIVERIES, story: 'undelivered' }, Date.now())
      const target = `http://127.0.0.1:${await refusingPort()}/webhook`
      return withServer(startMiniPay(file, target, bench.nodeFlags), async (server) => {
        await warmUp(bench, server)
        const { pending_webhooks: before } = await metrics(server)
        const runs: Run[] = []
        for (let i = 0; i < bench.rounds; i++)
          runs.push(await measure(bench, server, { connections: 64, scenario: { kind: 'charge' } }))
        const { pending_webhooks: after } = await metrics(server)
        const count = (n: number) => n.toLocaleString('en-US')
        return [
          {
            what: 'charges while 100,000 deliveries wait, due now, for a receiver that refuses connections',
            connections: 64,
            ...summary(runs),
            beside: `${count(before)} waiting at first, ${count(after)} at the end: each charge adds one`,
          },
        ]
      })
    }),
}
