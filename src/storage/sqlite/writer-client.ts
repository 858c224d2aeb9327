import { Worker } from 'node:worker_threads'
import type { Log } from '../../ports/log.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import { BUILD, TWO_BUILDS } from './build.ts'
import { weightOf } from './commit-message.ts'
import type { Rescue, Rescued } from './rescue.ts'
import { SHARED } from './shared.ts'
import type { Tails } from './tails.ts'
import { isFailure, type WriteFailure } from './writer.ts'
import type { WriterData } from './writer-thread.ts'
import type { Write } from './writes.ts'

/** Writes that may wait for the disk before new ones are refused, and the characters of JSON in them. */
const MAX_WAITING = 10_000
const MAX_WAITING_CHARACTERS = 100_000_000

/**
 * Operations arrive in bursts, one burst for each turn of the event loop. Messages of this size let the thread commit
 * the first part of a burst while the rest is still being parsed: with one message, the two threads would only ever
 * take turns.
 */
const MESSAGE_SIZE = 32

/**
 * The most memory of the thread's young objects, in MB. They live as long as a group, so V8's default, three times as much,
 * only keeps more garbage: 30 MB of resident memory under load.
 */
const YOUNG_MB = 24

export type SqliteOptions = {
  readonly file: string
  /** Called with the number of operations of each committed group. */
  readonly onGroup?: (size: number) => void
  /** Called when MiniPay must not use the database any more: it is corrupt, or its thread died. */
  readonly onFatal: (error: Error) => void
  readonly log?: Log
  /** ms since 1970; the machine's clock unless given. */
  readonly now?: () => number
  /** Entries of an index in memory before the writer folds them; a test chooses few. */
  readonly foldAt?: number
}

type Waiting = {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
  readonly characters: number
  /** The result in place of null. */
  readonly usual: unknown
}

/** The error of a failed operation; for a damaged database it first calls `onFatal`. */
export function failureError({ failed, message }: WriteFailure, onFatal: (error: Error) => void): Error {
  if (failed === 'corrupt') onFatal(new Error(`The database is damaged: ${message}`))
  if (failed === 'bug') return new Error(message)
  return new StoreUnavailable(failed === 'corrupt' ? 'disk' : failed, message)
}

/** The writer thread, as the main thread sees it. */
export type WriterThread = {
  /** The result of an operation; `usual` in place of null, which is the cheapest message. */
  send(op: Write, usual?: unknown): Promise<unknown>
  waiting(): number
  /** Refuses every further write with this error. */
  refuse(error: StoreUnavailable): void
  /** Saves the data that it can read, once; only after `refuse`. */
  rescue(what: Rescue): Promise<Rescued>
  close(): Promise<void>
}

/** Starts the thread, which loads its modules and then waits for `startWriter` or its termination. */
export function startThread(file: string, shared: Int32Array, tails: Tails): Worker {
  const workerData: WriterData = { file, shared, tails, build: BUILD }
  return new Worker(new URL('./writer-boot.js', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
}

/**
 * Lets the thread open the database, which must be at this program's schema; resolves when it has. Rejects if it loaded
 * another version than this thread.
 */
export async function startWriter(
  thread: Worker,
  shared: Int32Array,
  { onGroup, onFatal }: Pick<SqliteOptions, 'onGroup' | 'onFatal'>,
): Promise<WriterThread> {
  Atomics.store(shared, SHARED.prepared, 1)
  Atomics.notify(shared, SHARED.prepared)
  /** From `first` on; those before have been settled. */
  const inFlight: (Waiting | undefined)[] = []
  let first = 0
  let characters = 0
  let outbox: Write[] = []
  let closing = false
  let refusal: StoreUnavailable | undefined
  const rescues: ((rescued: Rescued) => void)[] = []

  const built = await new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })
  // A thread of a version that compares nothing.
  if (built !== BUILD) {
    await thread.terminate()
    throw new Error(TWO_BUILDS)
  }

  function settle(results: unknown[]): void {
    onGroup?.(results.length)
    for (const result of results) {
      const waiting = inFlight[first] as Waiting
      // The list is old, so it would keep what it has alive through many collections of young objects.
      inFlight[first++] = undefined
      characters -= waiting.characters
      if (isFailure(result)) waiting.reject(failureError(result, onFatal))
      else waiting.resolve((result === null ? waiting.usual : result) as never)
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

  thread.on('message', (message: unknown[] | Rescued) => {
    if (Array.isArray(message)) settle(message)
    else {
      rescues.shift()?.(message)
      // Keeps its connection open, but does not keep the process alive.
      thread.unref()
    }
  })
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
    send(op, usual = null) {
      return new Promise((resolve, reject) => {
        if (closing) return reject(new StoreUnavailable('closing', 'The database is closed.'))
        if (refusal) return reject(refusal)
        const size = op[0] === 'commit' ? weightOf(op[1]) : 0
        if (inFlight.length - first >= MAX_WAITING || characters + size > MAX_WAITING_CHARACTERS)
          return reject(new StoreUnavailable('overloaded', 'Too many writes are waiting for the disk.'))
        if (outbox.length === 0) setImmediate(flush)
        outbox.push(op)
        characters += size
        inFlight.push({ resolve, reject, characters: size, usual })
        if (outbox.length >= MESSAGE_SIZE) flush()
      })
    },
    waiting: () => inFlight.length - first,
    refuse(error) {
      refusal ??= error
    },
    rescue(what) {
      flush()
      thread.ref()
      thread.postMessage(what)
      return new Promise((resolve) => rescues.push(resolve))
    },
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
