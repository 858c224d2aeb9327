import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../../ports/log.ts'
import { type Store, StoreUnavailable } from '../../ports/store.ts'
import { logged } from '../migrations.ts'
import type { Connection } from './connection.ts'
import { recognize, startMarking } from './epochs.ts'
import { freeLeases } from './free-leases.ts'
import { type Guard, startGuard } from './guard.ts'
import { type Lock, lockDatabase } from './lock.ts'
import { saveData } from './loss.ts'
import { filesAt, identityOf } from './mark.ts'
import { migrate, migrations } from './migrate.ts'
import { openReader, openWriter } from './open.ts'
import { writePid } from './pid.ts'
import { savedBeside, warningOf } from './place.ts'
import { createQueries } from './queries.ts'
import { sharedMemory } from './shared.ts'
import { tailMemory } from './tails.ts'
import { walBytes } from './wal.ts'
import { markAbandonedUnknown } from './write-attempts.ts'
import { classify } from './writer.ts'
import {
  failureError,
  type SqliteOptions,
  startThread,
  startWriter,
  type WriterThread,
} from './writer-client.ts'
import { storeWrites } from './writes.ts'

/**
 * Opens the embedded store: locks the file against other processes, upgrades it to this program's schema, and starts
 * the writer thread. Throws a sentence if the file is in use, newer, or cannot be opened. If the files of the open
 * database are removed or replaced, the store accepts no more writes, saves the data that it can read, and calls
 * `onFatal`.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const lock = lockDatabase(options.file)
  try {
    const log = options.log ?? SILENT
    tellOfPlace(lock, log)
    const now = options.now ?? Date.now
    const shared = sharedMemory()
    const tails = tailMemory(options.foldAt)
    // It loads its modules while this thread prepares the database.
    const started = startThread(lock.place, shared, tails)
    const lineage = await openOrElse(
      () => prepare(lock.place, now(), log),
      async () => void (await started.terminate()),
    )
    const identity = identityOf(lock.place)
    let found: Guard | undefined
    // Removed files look damaged: then there is still data to save.
    const onFatal = (error: Error) => void (found?.check() || options.onFatal(error))
    const thread = await startWriter(started, shared, { ...options, onFatal })
    const reader = await openOrElse(() => openReader(lock.place), thread.close)
    const opened = { lock, identity, shared, thread, reader, lineage }
    const { pid, marking, guard, lost } = await openOrElse(
      () => ({ ...watch({ ...options, log }, opened), pid: writePid(lock.place) }),
      async () => {
        reader.close()
        await thread.close()
      },
    )
    found = guard
    let closed: Promise<void> | undefined
    const close = async (): Promise<void> => {
      // If the whole folder is gone, a close cannot write into a wrong file by mistake.
      if (existsSync(dirname(lock.place))) guard.check()
      guard.stop()
      pid.remove()
      const saved = lost()
      if (saved) throw await saved
      marking.stop()
      // Closes the writer's connection last: only a writer's close merges the WAL into the database's file.
      reader.close()
      await thread.close()
      lock.release()
    }
    const queries = createQueries(reader, tails)
    const read = readFrom(reader, onFatal)
    const logBytes = () => walBytes(lock.place)
    return {
      ...reads(queries, read),
      ...storeWrites(thread.send),
      now,
      waitingWrites: thread.waiting,
      logBytes,
      onRemoteEvents() {},
      close: () => (closed ??= close()),
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Upgrades the database to this program's schema and frees the leases of a former process; returns the lineage. */
function prepare(place: string, now: number, log: Log): string {
  const writer = openWriter(place)
  try {
    migrate(writer, migrations(), logged(log))
    const lineage = recognize(writer, place, now, log)
    markAbandonedUnknown(writer)
    freeLeases(writer, now)
    return lineage
  } finally {
    writer.close()
  }
}

/** Logs warnings about the database's place, which do not prevent serving. */
function tellOfPlace({ place, tightened, loose }: Lock, log: Log): void {
  const warning = warningOf(place)
  if (warning !== undefined) log.warn({ database: place }, warning)
  if (tightened.length > 0)
    log.warn({ files: tightened }, 'Other users could read these files. Now only their owner can.')
  if (loose.length > 0)
    log.warn(
      { files: loose },
      'Other users can read these files, and MiniPay may not change that. Run chmod 600.',
    )
  const saved = savedBeside(place)
  if (saved.length > 0)
    log.warn(
      { files: saved },
      'These files have charges that the database may lack. Check them, then move them to another folder.',
    )
}

type Opened = {
  readonly lock: Lock
  readonly identity: string | undefined
  readonly shared: Int32Array
  readonly thread: WriterThread
  readonly reader: Connection
  readonly lineage: string
}

/** The mark that follows the numbers, and the guard that watches the files. */
function watch(
  { file, log, onFatal }: SqliteOptions & { readonly log: Log },
  { lock: { place }, identity, shared, thread, reader, lineage }: Opened,
) {
  const files = filesAt(place)
  if (identity === undefined || files.database !== identity)
    throw new Error(`${file} was replaced while it was being opened. Start again.`)
  const marking = startMarking(reader, place, lineage)
  let saved: Promise<Error> | undefined
  let closing = false
  const guard: Guard = startGuard({
    file,
    place,
    identity,
    shared,
    onLoss(loss) {
      marking.stop()
      const nameNow = () => guard.nameNow()
      saved = saveData(loss, { place, files, thread, shared, log, nameNow })
      saved.then((error) => closing || onFatal(error))
    },
  })
  /**
   * While the store closes: the error with which the close fails, after everything is saved; undefined if nothing was
   * lost.
   */
  const lost = (): Promise<Error> | undefined => {
    closing = true
    return saved
  }
  return { marking, guard, lost }
}

/** Runs queries on the reader; they fail as writes do. */
function readFrom(reader: Connection, onFatal: (error: Error) => void): Read {
  return async (query) => {
    try {
      return await query()
    } catch (error) {
      if (!reader.open) throw new StoreUnavailable('closing', 'The database is closed.')
      const failure = classify(error)
      throw failure.failed === 'bug' ? error : failureError(failure, onFatal)
    }
  }
}

const SILENT: Log = { info() {}, warn() {}, error() {} }

async function openOrElse<T>(open: () => T, undo: () => Promise<void>): Promise<T> {
  try {
    return open()
  } catch (error) {
    await undo()
    throw error
  }
}

/** Runs a query. Like a write, it fails with `StoreUnavailable` if the database cannot respond now. */
type Read = <T>(query: () => T | Promise<T>) => Promise<T>

type Queries = ReturnType<typeof createQueries>

type Reads = {
  readonly [N in keyof Queries]: (...args: Parameters<Queries[N]>) => Promise<Awaited<ReturnType<Queries[N]>>>
}

/** The store's methods that read. */
function reads(queries: Queries, read: Read): Reads {
  const reading = Object.entries<(...args: never[]) => unknown>(queries).map(([name, query]) => [
    name,
    (...args: never[]) => read(() => query(...args)),
  ])
  return Object.fromEntries(reading) as Reads
}
