/** A PostgreSQL server for the benchmark, with the durability of a production server. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '../test/kit/postgres.ts'
import { inMemory } from './machine.ts'
import { familyBytesWritten, familyCpuSeconds } from './processes.ts'

/**
 * Settings beside the server's defaults, in place of the tests' own: memory as on a server, and no checkpoint during a
 * measurement.
 */
const SETTINGS = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=4GB',
  'checkpoint_timeout=30min',
]

/**
 * How long an ending process waits for the server's end; it sleeps synchronously, because nothing asynchronous runs any
 * more.
 */
const END_LIMIT_MS = 5_000
const NOBODY = new Int32Array(new SharedArrayBuffer(4))

export type Postgres = {
  /** Calls `use` with the URL of an empty database, and drops it afterwards. */
  withDatabase<T>(use: (url: string) => Promise<T>): Promise<T>
  /** CPU seconds of all its processes so far; NaN without /proc. */
  cpuSeconds(): number
  /** Bytes that all its processes have written so far; NaN without /proc. */
  bytesWritten(): number
}

/** Calls `use` with a server, and stops it afterwards, even if the benchmark is interrupted. */
export async function withPostgres<T>(
  use: (server: Postgres) => Promise<T>,
  settings: readonly string[] = [],
): Promise<T> {
  const server = await startPostgres([...SETTINGS, ...settings])
  // Its first line is the process's id; the file disappears with the process.
  const pidFile = join(server.folder, 'data', 'postmaster.pid')
  const pid = () => Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const endAtOnce = () => {
    process.kill(pid(), 'SIGQUIT')
    const until = performance.now() + END_LIMIT_MS
    while (existsSync(pidFile) && performance.now() < until) Atomics.wait(NOBODY, 0, 0, 20)
    rmSync(server.folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', endAtOnce)
  try {
    if (inMemory(server.folder))
      throw new Error(
        'The temporary folder is in memory, where a sync costs nothing: name another by TMPDIR.',
      )
    return await use({
      async withDatabase(using) {
        const url = await server.createDatabase()
        try {
          return await using(url)
        } finally {
          await server.dropDatabase(url)
        }
      },
      cpuSeconds: () => familyCpuSeconds(pid()),
      bytesWritten: () => familyBytesWritten(pid()),
    })
  } finally {
    process.off('exit', endAtOnce)
    await server.remove()
  }
}
