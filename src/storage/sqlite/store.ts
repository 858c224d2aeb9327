import { Worker } from 'node:worker_threads'
import type { EventType } from '../../domain/event.ts'
import { type ClaimedDelivery, type CommitResult, type Store, StoreUnavailable } from '../../ports/store.ts'
import { migrate } from './migrate.ts'
import { lockDatabase, openReader, openWriter } from './open.ts'
import { createQueries } from './queries.ts'
import {
  COMMIT,
  claimOp,
  commitOp,
  type FoundKey,
  live,
  OP,
  recordOf,
  settleOp,
  type WriteOp,
} from './rows.ts'
import { classify, type WriteFailure } from './writer.ts'

/** Writes that may wait for the disk before new ones are refused, and the characters of JSON in them. */
const MAX_WAITING = 10_000
const MAX_WAITING_CHARACTERS = 100_000_000

/**
 * Operations arrive in bursts, one for each turn of the event loop. They go to the thread in messages of this
 * size, so that it commits the first of a burst while the rest is still being parsed: sent as one, the two
 * threads would only ever take turns.
 */
const MESSAGE_SIZE = 32

export type SqliteOptions = {
  readonly file: string
  /** Called with the number of operations of each group that was committed. */
  readonly onGroup?: (size: number) => void
  /** Called when the database must not be used any more: it is corrupt, or its thread died. */
  readonly onFatal: (error: Error) => void
}

type Waiting = {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
  readonly characters: number
}

/**
 * Opens the embedded store: locks the file against other processes, brings it to this program's schema and
 * starts the writer's thread. Throws a sentence when the file is in use, newer than us, or can't be opened.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const lock = lockDatabase(options.file)
  try {
    const writer = openWriter(options.file)
    try {
      migrate(writer)
    } finally {
      writer.close()
    }
    const thread = await startWriter(options)
    const reader = await openOrElse(() => openReader(options.file), thread.close)
    const read: Read = async (query) => {
      try {
        return query()
      } catch (error) {
        if (!reader.open) throw new StoreUnavailable('closing', 'The database is closed.')
        const failure = classify(error)
        throw failure.failed === 'bug' ? error : failureError(failure, options.onFatal)
      }
    }
    return sqliteStore(thread, createQueries(reader), read, async () => {
      // The writer's connection is closed last: only a writer's close folds the WAL back into one file.
      reader.close()
      await thread.close()
      lock.release()
    })
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openOrElse<T>(open: () => T, undo: () => Promise<void>): Promise<T> {
  try {
    return open()
  } catch (error) {
    await undo()
    throw error
  }
}

/** Runs a query; it fails as writes do, with `StoreUnavailable` when the database can't answer it now. */
type Read = <T>(query: () => T) => Promise<T>

function failureError({ failed, message }: WriteFailure, onFatal: (error: Error) => void): Error {
  if (failed === 'corrupt') onFatal(new Error(`The database is damaged: ${message}`))
  if (failed === 'bug') return new Error(message)
  return new StoreUnavailable(failed === 'corrupt' ? 'disk' : failed, message)
}

type WriterThread = {
  send<T>(op: WriteOp): Promise<T>
  waiting(): number
  close(): Promise<void>
}

async function startWriter({ file, onGroup, onFatal }: SqliteOptions): Promise<WriterThread> {
  const thread = new Worker(new URL('./writer-boot.js', import.meta.url), { workerData: { file } })
  const inFlight: Waiting[] = []
  let first = 0
  let characters = 0
  let outbox: WriteOp[] = []
  let closing = false

  await new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })

  function settle(results: unknown[]): void {
    onGroup?.(results.length)
    for (const result of results) {
      const waiting = inFlight[first++] as Waiting
      characters -= waiting.characters
      if (isFailure(result)) waiting.reject(failureError(result, onFatal))
      else waiting.resolve(result as never)
    }
    if (first > 1024 && first * 2 > inFlight.length) {
      inFlight.splice(0, first)
      first = 0
    }
  }

  function flush(): void {
    if (outbox.length === 0) return
    thread.postMessage(outbox)
    outbox = []
  }

  thread.on('message', settle)
  thread.on('error', onFatal)
  const exited = new Promise<void>((resolve) => {
    thread.on('exit', (code) => {
      const error = new StoreUnavailable('closing', 'The database is closed.')
      for (; first < inFlight.length; first++) inFlight[first]?.reject(error)
      if (!closing) onFatal(new Error(`The database thread ended with code ${code}.`))
      resolve()
    })
  })

  return {
    send(op) {
      return new Promise((resolve, reject) => {
        if (closing) return reject(new StoreUnavailable('closing', 'The database is closed.'))
        const size = op[0] === OP.commit ? op[8][2].length : 0
        if (inFlight.length - first >= MAX_WAITING || characters + size > MAX_WAITING_CHARACTERS)
          return reject(new StoreUnavailable('overloaded', 'Too many writes are waiting for the disk.'))
        if (outbox.length === 0) setImmediate(flush)
        outbox.push(op)
        characters += size
        inFlight.push({ resolve, reject, characters: size })
        if (outbox.length >= MESSAGE_SIZE) flush()
      })
    },
    waiting: () => inFlight.length - first,
    close() {
      if (!closing) {
        closing = true
        flush()
        thread.postMessage(null)
      }
      return exited
    },
  }
}

function isFailure(result: unknown): result is WriteFailure {
  return typeof result === 'object' && result !== null && 'failed' in result
}

function sqliteStore(
  writer: WriterThread,
  queries: ReturnType<typeof createQueries>,
  read: Read,
  close: () => Promise<void>,
): Store {
  return {
    async commit(commit) {
      return commitResult(await writer.send(commitOp(commit)))
    },

    idempotencyRecord: (scope, key) => read(() => queries.idempotencyRecord(scope, key)),
    charge: (scope, id) => read(() => queries.charge(scope, id)),
    charges: (scope, query) => read(() => queries.charges(scope, query)),
    refund: (scope, id) => read(() => queries.refund(scope, id)),
    refunds: (scope, query) => read(() => queries.refunds(scope, query)),
    events: (scope, query) => read(() => queries.events(scope, query)),
    ledgerAccounts: (scope) => read(() => queries.ledgerAccounts(scope)),
    ledgerEntries: (scope, query) => read(() => queries.ledgerEntries(scope, query)),
    balances: (scope) => read(() => queries.balances(scope)),
    currencyTotals: (scope) => read(() => queries.currencyTotals(scope)),
    deliveryTotals: () => read(() => queries.deliveryTotals()),
    delivery: (scope, id) => read(() => queries.delivery(scope, id)),
    deliveries: (scope, query) => read(() => queries.deliveries(scope, query)),

    async claimDeliveries(claim) {
      const rows = await writer.send<[string, number, string, EventType, number, string][]>(claimOp(claim))
      return rows.map(
        ([id, attempts, eventId, eventType, eventAt, data]): ClaimedDelivery => ({
          id,
          token: claim.token,
          attempts,
          eventId,
          eventType,
          eventAt,
          data,
        }),
      )
    },
    settleDelivery: (settlement) => writer.send(settleOp(settlement)),
    releaseDelivery: (id, token) => writer.send([OP.release, id, token]),
    retryDelivery: (scope, id, now) => writer.send([OP.retry, scope.accountId, live(scope), id, now]),
    purgeIdempotency: (before, limit) => writer.send([OP.purge, before, limit]),
    waitingWrites: writer.waiting,
    async ready() {
      await writer.send([OP.ping])
    },
    close,
  }
}

function commitResult(answer: number | FoundKey): CommitResult {
  if (answer === COMMIT.committed) return { kind: 'committed' }
  if (answer === COMMIT.versionConflict) return { kind: 'version_conflict' }
  if (answer === COMMIT.balanceLimit) return { kind: 'balance_limit' }
  return { kind: 'key_exists', record: recordOf(answer as FoundKey) }
}
