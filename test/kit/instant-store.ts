/** The embedded store without its thread: every call ends in the turn in which it began, so a manual clock drives all. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Store, StoreUnavailable } from '../../src/ports/store.ts'
import { migrate } from '../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../src/storage/sqlite/open.ts'
import { createQueries } from '../../src/storage/sqlite/queries.ts'
import { tailMemory } from '../../src/storage/sqlite/tails.ts'
import { createWriter, isFailure } from '../../src/storage/sqlite/writer.ts'
import { storeWrites, type Write } from '../../src/storage/sqlite/writes.ts'
import { atEnd, folderOf } from './folders.ts'

export type InstantStore = {
  readonly store: Store
  /** While set, every call fails, as in an outage. */
  outage: boolean
  /** How often each method was called. */
  readonly calls: Map<string, number>
}

/** Its clock is `now`. */
export function instantStore(t: TestContext, now: () => number): InstantStore {
  const db = openWriter(join(folderOf(t), 'instant.db'))
  db.pragma('synchronous = OFF')
  migrate(db)
  const tails = tailMemory()
  const writer = createWriter(db, () => true, tails)
  atEnd(t, () => db.close())
  const instant: { outage: boolean; calls: Map<string, number> } = { outage: false, calls: new Map() }

  function run<T>(name: string, body: () => T): Promise<Awaited<T>> {
    instant.calls.set(name, (instant.calls.get(name) ?? 0) + 1)
    if (instant.outage) return Promise.reject(new StoreUnavailable('connection', 'An outage.'))
    try {
      return Promise.resolve(body())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  const send = (write: Write, usual: unknown = null) =>
    run(write[0], () => {
      const [result] = writer.run([write])
      if (isFailure(result)) throw new Error(`${result.failed}: ${result.message}`)
      return result === null ? usual : result
    })
  const reads = Object.entries<(...args: never[]) => unknown>(createQueries(db, tails)).map(
    ([name, query]) => [name, (...args: never[]) => run(name, () => query(...args))],
  )
  const store = {
    ...Object.fromEntries(reads),
    ...storeWrites(send),
    now,
    waitingWrites: () => 0,
    logBytes: () => 0,
    onRemoteEvents() {},
    close: async () => {},
  } as unknown as Store
  return Object.assign(instant, { store })
}
