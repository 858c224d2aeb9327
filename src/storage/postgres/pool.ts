import { StoreUnavailable } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { unreachable } from './errors.ts'

/** How long work waits for a connection: while there is one that others use, and while there is none. */
const BUSY_WAIT_MS = 5_000
const OUTAGE_WAIT_MS = 500
const MAX_WAITING = 5_000
/** Between attempts to connect: it doubles from the first to the last. */
const FIRST_BACKOFF_MS = 50
const LAST_BACKOFF_MS = 1_000

export type Pool = {
  /**
   * Runs `work` with a connection that nobody else uses meanwhile. Rejects with `StoreUnavailable` when none is to be had
   * in time; whatever `work` rejects with is passed on.
   */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Work that waits for a connection or has one. */
  pending(): number
  /** Waits for the work that was begun, and closes every connection. */
  close(): Promise<void>
}

type Waiting = {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: Error) => void
  readonly since: number
  timer: NodeJS.Timeout
}

/** Up to `size` connections, opened when they are needed; broken ones are replaced, with a backoff while that fails. */
export function createPool(size: number, connect: () => Promise<Connection>): Pool {
  const idle: Connection[] = []
  const queue: Waiting[] = []
  let open = 0
  let busy = 0
  let opening = false
  let failures = 0
  let failure: unknown = new Error('The database cannot be reached.')
  let retry: NodeJS.Timeout | undefined
  let closing = false
  let drained = () => {}

  function settle(waiting: Waiting): void {
    clearTimeout(waiting.timer)
    const at = queue.indexOf(waiting)
    if (at >= 0) queue.splice(at, 1)
  }

  /** Opens connections one after another while work waits for one. */
  function grow(): void {
    if (opening || retry || open >= size || queue.length === 0) return
    opening = true
    connect().then(
      (connection) => {
        opening = false
        failures = 0
        open++
        give(connection)
        grow()
      },
      (error: unknown) => {
        opening = false
        failure = error
        const now = performance.now()
        // While some are open, one of them comes free.
        for (const waiting of open > 0 ? [] : [...queue])
          if (now - waiting.since >= OUTAGE_WAIT_MS) {
            settle(waiting)
            waiting.reject(unreachable(error))
          }
        retry = setTimeout(
          () => {
            retry = undefined
            grow()
          },
          Math.min(FIRST_BACKOFF_MS * 2 ** failures++, LAST_BACKOFF_MS),
        )
        finish()
      },
    )
  }

  function give(connection: Connection): void {
    const [first] = queue
    if (connection.broken()) {
      open--
      connection.close()
      grow()
    } else if (first) {
      settle(first)
      first.resolve(connection)
    } else if (closing) connection.close()
    else idle.push(connection)
    finish()
  }

  function take(): Promise<Connection> {
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (!connection.broken()) return Promise.resolve(connection)
      open--
      connection.close()
    }
    if (queue.length >= MAX_WAITING)
      return Promise.reject(new StoreUnavailable('overloaded', 'Too much is waiting for a connection.'))
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    const waiting: Waiting = { resolve, reject, since: performance.now(), timer: setTimeout(late, waitMs()) }
    function late(): void {
      settle(waiting)
      const error =
        open === 0
          ? unreachable(failure)
          : new StoreUnavailable('overloaded', 'All connections to the database are in use.')
      reject(error)
    }
    queue.push(waiting)
    grow()
    return promise
  }

  /** A first connection may take its time: that is no outage before one has failed. */
  const waitMs = () => (open > 0 || failures === 0 ? BUSY_WAIT_MS : OUTAGE_WAIT_MS)

  function finish(): void {
    if (closing && busy === 0 && queue.length === 0) drained()
  }

  return {
    async use(work) {
      if (closing) throw new StoreUnavailable('closing', 'The database is closed.')
      busy++
      try {
        const connection = await take()
        try {
          return await work(connection)
        } finally {
          give(connection)
        }
      } finally {
        busy--
        finish()
      }
    },
    pending: () => busy,
    async close() {
      closing = true
      if (busy > 0 || queue.length > 0)
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      clearTimeout(retry)
      await Promise.all(idle.splice(0).map((connection) => connection.close()))
    },
  }
}
