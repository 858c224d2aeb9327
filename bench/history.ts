/** PostgreSQL over a short and a long history: the cost of reads and of webhook claims must not grow with it. */
import { randomUUID } from 'node:crypto'
import type { Scope, Store } from '../src/ports/store.ts'
import type { DeliveryBatch, DueDelivery } from '../src/ports/store-webhooks.ts'
import { type Connection, connect, ONE_PLAN } from '../src/storage/postgres/connection.ts'
import { hostsOf } from '../src/storage/postgres/hosts.ts'
import { attemptReads } from '../src/storage/postgres/read-attempts.ts'
import { chargeReads } from '../src/storage/postgres/read-charges.ts'
import { eventLogReads } from '../src/storage/postgres/read-event-log.ts'
import { ledgerReads } from '../src/storage/postgres/read-ledger.ts'
import { webhookWorkReads } from '../src/storage/postgres/read-webhook-work.ts'
import { webhookReads } from '../src/storage/postgres/read-webhooks.ts'
import { openPostgresStore } from '../src/storage/postgres/store.ts'
import { withProviders } from './banks.ts'
import { type Bench, median, type Part, type Row } from './bench.ts'
import { ENDPOINT, fillPostgres } from './fill-postgres.ts'
import { LISTS, type Read, type Sample, sampleOf } from './lists.ts'
import { readsTooMuch, type Watch, watch } from './plans.ts'
import { withPostgres } from './postgres.ts'
import { refusingPort, runVerify } from './processes.ts'
import { compare } from './reads.ts'

const READS = 'postgres: reads'
const CLAIMS = 'postgres: claims'

const SHORT = 1000
const LONG = 1_000_000
/**
 * The most that a call over a thousand times longer history may cost: a factor, because its indexes are deeper and its
 * rows are farther apart; and some ms, because for the long history the server makes a new plan for each call of some
 * statements.
 */
const LONGER = 1.5
const PLAN_MS = 0.2
const READ_CALLS = 100
const CLAIM_SIZE = 16
/** Of each kind, so that the short history has enough of them all. */
const CLAIM_CALLS = 50
const LEASE_MS = 60_000

/** A store over each history, and a store that examines each statement over the long one. */
type Histories = {
  readonly short: Store
  readonly long: Store
  readonly samples: { readonly short: Sample; readonly long: Sample }
  readonly connection: Connection
}

export const history: Part = {
  names: [READS, CLAIMS],
  onlyWhenNamed: true,
  seconds: 1,
  run: (bench, wanted) =>
    withPostgres((postgres) =>
      postgres.withDatabase((short) =>
        postgres.withDatabase(async (long) => {
          const now = Date.now()
          await fillPostgres(short, SHORT, now)
          await runVerify(short)
          await fillPostgres(long, LONG, now)
          const rows: Row[] = []
          // The servers of the reads have no WEBHOOK_TARGET: they disable the endpoint of the claims.
          if (wanted.includes(CLAIMS)) rows.push(...(await withHistories(short, long, claimRows, ONE_PLAN)))
          if (wanted.includes(READS)) {
            rows.push(...(await servedReads(bench, short, long)))
            rows.push(await withHistories(short, long, listsRow))
          }
          return rows
        }),
      ),
    ),
}

/** The histories have charges of a provider, which the servers know, but do not call. */
async function servedReads(bench: Bench, shortUrl: string, longUrl: string): Promise<Row[]> {
  const remotes = { bank: { url: `http://127.0.0.1:${await refusingPort()}` } }
  return withProviders(bench, shortUrl, remotes, (short) =>
    withProviders(bench, longUrl, remotes, async (long) => {
      const rows = await compare(bench, short, long)
      return rows.map((row) => ({ ...row, what: `PostgreSQL: ${row.what}` }))
    }),
  )
}

async function withHistories<T>(
  shortUrl: string,
  longUrl: string,
  use: (histories: Histories) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  const samples = { short: await sampleOf(shortUrl), long: await sampleOf(longUrl) }
  const onFatal = (error: Error) => {
    throw error
  }
  const short = await openPostgresStore({ url: shortUrl, onFatal })
  const long = await openPostgresStore({ url: longUrl, onFatal })
  const connection = await connect(hostsOf(longUrl), { settings })
  try {
    return await use({ short, long, samples, connection })
  } finally {
    await Promise.all([short.close(), long.close(), connection.close()])
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const isFlat = ({ short, long }: Pair) => long <= LONGER * short + PLAN_MS

/**
 * The time of a call, in ms. Calls over both histories take turns, and the fastest tenth of each kind counts, because
 * noise only adds time.
 */
type Pair = { readonly name: string; readonly short: number; readonly long: number; readonly ratio: number }

function pairOf(name: string, shortMs: readonly number[], longMs: readonly number[]): Pair {
  const fastest = (ms: readonly number[]) =>
    [...ms].sort((a, b) => a - b)[Math.floor(ms.length / 10)] as number
  const [short, long] = [fastest(shortMs), fastest(longMs)]
  return { name, short, long, ratio: long / short }
}

async function listsRow({ short, long, samples, connection }: Histories): Promise<Row> {
  const watching = watch(connection)
  const { sql } = watching
  const watched = {
    ...chargeReads(sql),
    ...eventLogReads(sql),
    ...webhookReads(sql),
    ...ledgerReads(sql),
    ...attemptReads(sql),
  }
  const pairs: Pair[] = []
  for (const [name, read] of Object.entries(LISTS)) {
    watching.about(name)
    await read(watched, samples.long)
    const pair = await comparedRead(name, read, short, long, samples)
    console.error(
      `  ${name}: ${pair.short.toFixed(2)} ms, ${pair.long.toFixed(2)} ms: ${pair.ratio.toFixed(2)}`,
    )
    pairs.push(pair)
  }
  const worst = pairs.reduce((a, b) => (b.ratio > a.ratio ? b : a))
  return {
    what: `PostgreSQL: balance, and ${pairs.length - 1} lists by every filter, one call at a time over 1 million charges`,
    p50: median(pairs.map((pair) => pair.long)),
    beside:
      `${median(pairs.map((pair) => pair.ratio)).toFixed(2)} of the time over 1 thousand; ` +
      `the most: ${worst.name}, ${worst.ratio.toFixed(2)} (${worst.long.toFixed(2)} ms); ${pagesIn(watching)}`,
    aim: 'flat, no scans',
    met: pairs.every(isFlat) && !readsTooMuch(watching.worst().pages),
    raw: pairs,
  }
}

function pagesIn(watching: Watch): string {
  const { pages, what } = watching.worst()
  return `at most ${pages} pages were touched (${what})`
}

async function comparedRead(
  name: string,
  read: Read,
  short: Store,
  long: Store,
  samples: Histories['samples'],
): Promise<Pair> {
  const shortMs: number[] = []
  const longMs: number[] = []
  for (let i = 0; i < READ_CALLS; i++) {
    shortMs.push(await timed(() => read(short, samples.short)))
    longMs.push(await timed(() => read(long, samples.long)))
  }
  return pairOf(name, shortMs, longMs)
}

const WEBHOOKS: Scope = { accountId: 1, mode: 'test' }

async function claimRows({ short, long, connection }: Histories): Promise<Row[]> {
  const watching = watch(connection)
  watching.about('due webhooks')
  const query = { now: long.now(), limit: CLAIM_SIZE }
  await webhookWorkReads(watching.sql).dueDeliveries(WEBHOOKS, ENDPOINT, query)
  const stores = { short, long }
  const tokens = { short: await held(short), long: await held(long) }
  const claims = { short: [] as number[], long: [] as number[] }
  const records = { short: [] as number[], long: [] as number[] }
  for (let call = 0; call < CLAIM_CALLS; call++)
    for (const history of ['short', 'long'] as const) {
      const { claimMs, recordMs } = await claimAndRecord(stores[history], tokens[history])
      claims[history].push(claimMs)
      records[history].push(recordMs)
    }
  const claim = pairOf('due', claims.short, claims.long)
  const record = pairOf('record', records.short, records.long)
  return [
    {
      what: `PostgreSQL: reads of ${CLAIM_SIZE} due webhooks of one endpoint, one after another while 1 million wait there`,
      perSecond: (CLAIM_SIZE * 1000) / (claim.long + record.long),
      p50: claim.long,
      beside:
        `${claim.ratio.toFixed(2)} of the time while 1 thousand wait; recording them: ${record.long.toFixed(2)} ms, ` +
        `${record.ratio.toFixed(2)} of the time; ${pagesIn(watching)}`,
      aim: 'flat, no scans',
      met: isFlat(claim) && isFlat(record) && !readsTooMuch(watching.worst().pages),
      raw: [claim, record],
    },
  ]
}

/** Claims the cursor of the endpoint; returns the token. */
async function held(store: Store): Promise<string> {
  const token = randomUUID()
  const now = store.now()
  await store.claimWebhookCursors({ now, leaseUntil: now + LEASE_MS, token, limit: 1 })
  return token
}

async function claimAndRecord(
  store: Store,
  token: string,
): Promise<{ readonly claimMs: number; readonly recordMs: number }> {
  const now = store.now()
  let due: readonly DueDelivery[] = []
  const claimMs = await timed(async () => {
    due = (await store.dueDeliveries(WEBHOOKS, ENDPOINT, { now, limit: CLAIM_SIZE })).data
  })
  if (due.length !== CLAIM_SIZE) throw new Error(`${due.length} deliveries were due, not ${CLAIM_SIZE}`)
  const recordMs = await timed(async () => {
    const [stored] = await store.recordDeliveries([batchOf(due, token, now)])
    if (!stored) throw new Error('the results could not be recorded')
  })
  return { claimMs, recordMs }
}

function batchOf(due: readonly DueDelivery[], token: string, at: number): DeliveryBatch {
  const attempt = { at, ms: 1, status: 200, error: null, answer: null, why: 'retry' } as const
  return {
    ...{ scope: WEBHOOKS, endpoint: ENDPOINT, token, at, position: null, failing: null },
    ...{ replay: null, change: null, event: null },
    results: due.map(({ delivery }) => ({
      ...{ delivery, revision: delivery.revision, state: 'delivered', dueAt: null, try: attempt },
    })),
  }
}
