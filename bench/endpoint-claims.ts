/** A worker's claims of endpoints with a short and a long backlog, on both engines: their cost must not grow with it. */
import Database from 'better-sqlite3'
import type { Scope, Store } from '../src/ports/store.ts'
import { engineOf } from '../src/storage/engine.ts'
import { onDatabase } from '../test/kit/postgres.ts'
import { addedEndpoint } from '../test/kit/webhooks.ts'
import { median, type Part, type Row, withDatabase } from './bench.ts'
import { fill } from './fill.ts'
import { fillPostgres } from './fill-postgres.ts'
import { withPostgres } from './postgres.ts'

const SHORT = 1_000
const LONG = 1_000_000
const ENDPOINTS = 10
const CALLS = 200
const PAGE = 64
const LEASE_MS = 60_000
/** The most that a claim over a thousand times longer backlog may cost: its indexes are deeper. */
const LONGER = 1.5
const SCOPE: Scope = { accountId: 1, mode: 'test' }
const TO_BEGIN = 'UPDATE webhook_cursors SET position = 0'

async function opened(database: string): Promise<Store> {
  const log = { info() {}, warn() {}, error() {} }
  const onFatal = (error: Error) => {
    throw error
  }
  return (await engineOf(database)).open({ onGroup() {}, onFatal, log, withoutFsync: 'allow' })
}

/** Endpoints that wait for every event of the database. */
async function withBacklog(database: string, rewind: () => Promise<unknown>): Promise<Store> {
  const store = await opened(database)
  for (let i = 0; i < ENDPOINTS; i++) await addedEndpoint(store, SCOPE)
  await store.close()
  await rewind()
  return opened(database)
}

/** Claims all endpoints, reads the next events of each, and gives them back; in ms. */
async function claim(store: Store, token: string): Promise<number> {
  const startedAt = performance.now()
  const now = Date.now()
  const held = await store.claimWebhookCursors({ now, leaseUntil: now + LEASE_MS, token, limit: ENDPOINTS })
  for (const { endpoint, position } of held) {
    const { data: events } = await store.eventsToDeliver(endpoint.scope, { after: position, limit: PAGE })
    if (events.length !== PAGE) throw new Error(`${events.length} events in place of ${PAGE}.`)
  }
  await store.releaseWebhookCursors(token)
  if (held.length !== ENDPOINTS) throw new Error(`${held.length} endpoints in place of ${ENDPOINTS}.`)
  return performance.now() - startedAt
}

async function compared(engine: string, short: Store, long: Store): Promise<Row> {
  const times = { short: [] as number[], long: [] as number[] }
  for (let i = 0; i < CALLS; i++) {
    times.short.push(await claim(short, `short ${i}`))
    times.long.push(await claim(long, `long ${i}`))
  }
  await Promise.all([short.close(), long.close()])
  const ratio = median(times.long) / median(times.short)
  return {
    what: `${engine}: a claim of ${ENDPOINTS} endpoints and their next ${PAGE} events while a million wait`,
    p50: median(times.long),
    beside: `${ratio.toFixed(2)} of that while a thousand wait`,
    aim: `at most ${LONGER}`,
    met: ratio <= LONGER,
    raw: [times],
  }
}

export const endpointClaims: Part = {
  names: ['endpoints: claims'],
  onlyWhenNamed: true,
  run: (bench) =>
    withDatabase(bench, (short) =>
      withDatabase(bench, async (long) => {
        const sqlite = (file: string, charges: number) => {
          fill(file, { charges, story: 'finished' }, Date.now())
          return withBacklog(file, async () => new Database(file).exec(TO_BEGIN).close())
        }
        const rows = [await compared('SQLite', await sqlite(short, SHORT), await sqlite(long, LONG))]
        await withPostgres((server) =>
          server.withDatabase((few) =>
            server.withDatabase(async (many) => {
              const postgres = async (url: string, charges: number) => {
                await fillPostgres(url, charges, Date.now())
                return withBacklog(url, () => onDatabase(url, (client) => client.query(TO_BEGIN)))
              }
              rows.push(await compared('PostgreSQL', await postgres(few, SHORT), await postgres(many, LONG)))
            }),
          ),
        )
        return rows
      }),
    ),
}
