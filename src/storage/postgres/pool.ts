import { StoreUnavailable } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { unreachableError } from './errors.ts'

/** How long work waits for a connection, in ms: while all are in use, and while none can be made. */
const BUSY_WAIT_MS = 5_000
const OUTAGE_WAIT_MS = 500
const MAX_WAITING = 5_000
/** The waits between attempts to connect, in ms: doubled from the first to the last. */
const FIRST_BACKOFF_MS = 50
const LAST_BACKOFF_MS = 1_000
/**
 * A connection that nothing has used for this long is closed, in ms, but for the last of a pool. Otherwise nodes whose bursts
 * took all connections of the server would keep them for ever, and a node that has lost its own would get none.
 */
const IDLE_MS = 10_000

export type Pool = {
  /**
   * Runs `work` with its own connection. Rejects with `StoreUnavailable` if no connection is free in time, or with the
   * error of `work`.
   */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Work that waits for a connection or has one. */
  pending(): number
  /** Waits for work in progress, and closes every connection. */
  close(): Promise<void>
}

type Idle = { readonly connection: Connection; readonly since: number }

type Waiting = {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: Error) => void
  readonly since: number
  readonly late: NodeJS.Timeout
}

/**
 * Up to `size` connections, opened when needed, and closed when they are not. Replaces broken ones, with a backoff while
 * that fails.
 */
export function createPool(size: number, connect: () => Promise<Connection>): Pool {
  const connections = new Connections(size, connect)
  let busy = 0
  let closing = false
  let drained = () => {}

  return {
    async use(work) {
      if (closing) throw new StoreUnavailable('closing', 'The database is closed.')
      busy++
      try {
        const connection = await connections.take()
        try {
          return await work(connection)
        } finally {
          connections.give(connection)
        }
      } finally {
        if (--busy === 0) drained()
      }
    },
    pending: () => busy,
    async close() {
      closing = true
      if (busy > 0)
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      await connections.close()
    },
  }
}

class Connections {
  readonly #size: number
  readonly #connect: () => Promise<Connection>
  /** The one that was used last comes last, and is used next. */
  readonly #idle: Idle[] = []
  readonly #queue: Waiting[] = []
  #open = 0
  #opening = false
  /** Consecutive failed attempts to connect, and the last error. */
  #failures = 0
  #failure: unknown = new Error('The database cannot be reached.')
  #retry: NodeJS.Timeout | undefined
  #sweeping: NodeJS.Timeout | undefined
  #closed = false

  constructor(size: number, connect: () => Promise<Connection>) {
    this.#size = size
    this.#connect = connect
  }

  take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.connection.broken()) return Promise.resolve(idle.connection)
      this.#drop(idle.connection)
    }
    if (this.#queue.length >= MAX_WAITING)
      return Promise.reject(
        new StoreUnavailable('overloaded', 'Too many operations are waiting for a connection.'),
      )
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    const late = setTimeout(() => this.#refuse(waiting), this.#waitMs())
    const waiting: Waiting = { resolve, reject, since: performance.now(), late }
    this.#queue.push(waiting)
    this.#grow()
    return promise
  }

  give(connection: Connection): void {
    const [first] = this.#queue
    if (connection.broken()) {
      this.#drop(connection)
      this.#grow()
    } else if (first) {
      this.#leave(first)
      first.resolve(connection)
    } else if (this.#closed) connection.close()
    else {
      this.#idle.push({ connection, since: performance.now() })
      this.#sweepLater()
    }
  }

  /** No work waits any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    clearTimeout(this.#sweeping)
    await Promise.all(this.#idle.splice(0).map(({ connection }) => connection.close()))
  }

  /** Looks again when the connection that has been idle longest may have been so for too long. */
  #sweepLater(): void {
    const [longest] = this.#idle
    if (this.#sweeping || this.#closed || !longest || this.#open === 1) return
    this.#sweeping = setTimeout(
      () => {
        this.#sweeping = undefined
        this.#sweep()
      },
      // It may have become idle long enough since the sweep that looked at it.
      Math.max(longest.since + IDLE_MS - performance.now(), 0),
    )
    this.#sweeping.unref()
  }

  #sweep(): void {
    const before = performance.now() - IDLE_MS
    for (let [first] = this.#idle; first && first.since <= before && this.#open > 1; [first] = this.#idle) {
      this.#idle.shift()
      this.#drop(first.connection)
    }
    this.#sweepLater()
  }

  /** The first connection may be slow. That is no outage until an attempt has failed. */
  #waitMs(): number {
    return this.#open > 0 || this.#failures === 0 ? BUSY_WAIT_MS : OUTAGE_WAIT_MS
  }

  /** Opens connections one after another while work waits for one. */
  #grow(): void {
    if (this.#opening || this.#retry || this.#open >= this.#size || this.#queue.length === 0) return
    this.#opening = true
    this.#connect().then(
      (connection) => {
        this.#opening = false
        this.#failures = 0
        this.#open++
        this.give(connection)
        this.#grow()
      },
      (error: unknown) => {
        this.#opening = false
        this.#failure = error
        this.#refuseAllThatWaited()
        if (this.#closed) return
        const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, LAST_BACKOFF_MS)
        this.#retry = setTimeout(() => {
          this.#retry = undefined
          this.#grow()
        }, backoff)
      },
    )
  }

  #drop(connection: Connection): void {
    this.#open--
    connection.close()
  }

  /** If other connections are open, one of them will become free. */
  #refuseAllThatWaited(): void {
    if (this.#open > 0) return
    const since = performance.now() - OUTAGE_WAIT_MS
    for (const waiting of this.#queue.filter((each) => each.since <= since)) this.#refuse(waiting)
  }

  #refuse(waiting: Waiting): void {
    this.#leave(waiting)
    const busy = new StoreUnavailable('overloaded', 'All connections to the database are in use.')
    waiting.reject(this.#open === 0 ? unreachableError(this.#failure) : busy)
  }

  #leave(waiting: Waiting): void {
    clearTimeout(waiting.late)
    const at = this.#queue.indexOf(waiting)
    if (at >= 0) this.#queue.splice(at, 1)
  }
}
