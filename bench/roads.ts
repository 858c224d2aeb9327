/** The roads of a charge through MiniPay: on either engine, decided in process or by a provider's process. */
import { withProviders } from './banks.ts'
import { type Bench, type Others, withDatabase, withServer } from './bench.ts'
import type { Latency } from './log-normal.ts'
import type { Postgres } from './postgres.ts'
import { type Server, startMiniPay, startStandIn } from './processes.ts'
import { postgresSize, type Size, sqliteSize } from './sizes.ts'

export type Road = {
  /** The stand-in decides, at once or after a time; otherwise MiniPay's sandbox decides in process. */
  readonly provider?: boolean | Latency
  /** Without it, the database is SQLite's. */
  readonly postgres?: Postgres | undefined
  /** The folder of MiniPay's code; this checkout unless given. */
  readonly checkout?: string
}

/** As many calls at once as a load has connections at most, so that no call waits for a place. */
const CONCURRENCY = 1000

/**
 * Calls `use` with MiniPay on an empty database, and with the processes that work with it, and stops them afterwards.
 * `stored`: bytes of the database for each charge in it.
 */
export async function onRoad<T>(
  bench: Bench,
  road: Road,
  use: (server: Server, others: Others) => Promise<T>,
): Promise<{ readonly result: T; readonly stored: number }> {
  return withEngine(bench, road.postgres, async (database, size) => {
    const result = await onDatabase(bench, road, database, use)
    // After the server has ended, all data is in the tables and none in a log.
    const { bytes, charges } = await size()
    return { result, stored: bytes / charges }
  })
}

function withEngine<T>(
  bench: Bench,
  postgres: Postgres | undefined,
  use: (database: string, size: () => Promise<Size>) => Promise<T>,
): Promise<T> {
  return postgres
    ? postgres.withDatabase((url) => use(url, () => postgresSize(url)))
    : withDatabase(bench, (file) => use(file, async () => sqliteSize(file)))
}

/** The same on a database that exists. */
export function onDatabase<T>(
  bench: Bench,
  { provider = false, postgres, checkout }: Road,
  database: string,
  use: (server: Server, others: Others) => Promise<T>,
): Promise<T> {
  const engine: Others = postgres ? { postgres } : {}
  if (provider === false)
    return withServer(startMiniPay(database, '', bench.nodeFlags, {}, checkout), (server) =>
      use(server, engine),
    )
  return withServer(startStandIn(provider === true ? undefined : provider), (standIn) => {
    const remotes = { bank: { url: standIn.url, concurrency: CONCURRENCY } }
    const run = (server: Server) => use(server, { ...engine, 'the stand-in': standIn })
    return withProviders(bench, database, remotes, run, {}, checkout)
  })
}
