/**
 * The nodes tell each other that a scope has work for webhooks. A node sends it after a commit, with NOTIFY on a
 * connection that commits nothing else: NOTIFY in the transactions of charges would make them commit one after another.
 * A signal may be lost with its connection, or refused by a pooler: the workers also look once a second.
 */
import type { Log } from '../../ports/log.ts'
import type { Scope } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { meaningOf } from './errors.ts'
import { modeOf, nameIn } from './rows.ts'

export const CHANNEL = 'minipay_webhooks'
/** The shortest time between two signals of a node, in ms. */
const PAUSE_MS = 10
/** A payload has at most 8,000 bytes; a signal about more scopes names none. */
const MOST_SCOPES = 256
const EVERY = '*'
/** The waits between attempts to connect, in ms; the longest if the server refuses LISTEN. */
const FIRST_BACKOFF_MS = 50
const LAST_BACKOFF_MS = 1_000
const REFUSED_MS = 60_000

const NOTIFY = `SELECT pg_notify('${CHANNEL}', $1)`

/** Null: any scope may have work. */
export type SignalListener = (scope: Scope | null) => void

export type Signals = {
  /** Tells the other nodes, at once or within `PAUSE_MS`. */
  tell(scopes: readonly Scope[]): void
  /** Called with each signal of another node, and with null after each new connection: signals may have been lost. */
  onRemote(listener: SignalListener): void
  /** Sends the last signals, and ends the connection. */
  close(): Promise<void>
}

export type SignalOptions = {
  readonly node: string
  /**
   * Opens a connection that listens on `CHANNEL`; calls `heard` with each payload, and `ended` once the connection has
   * ended.
   */
  readonly listen: (heard: (payload: string) => void, ended: () => void) => Promise<Connection>
  /** Whether other nodes serve: a node alone sends nothing. */
  readonly others: () => boolean
  readonly log: Pick<Log, 'info'>
}

/** Connects in the background, again after each failure. */
export function startSignals({ node, listen, others, log }: SignalOptions): Signals {
  const listeners: SignalListener[] = []
  const waiting = new Map<string, Scope>()
  let connection: Connection | undefined
  let failures = 0
  let reported = false
  let closed = false
  let sentAt = Number.NEGATIVE_INFINITY
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let retry: NodeJS.Timeout | undefined
  let connecting = connect()

  const ring: SignalListener = (scope) => {
    for (const listener of listeners) listener(scope)
  }

  async function connect(): Promise<void> {
    let opened: Connection | undefined
    try {
      opened = await listen(heard, () => opened && lost(opened))
      if (closed) return await opened.close()
      connection = opened
      if (opened.broken()) return lost(opened)
      failures = 0
      reported = false
      ring(null)
      send()
    } catch (error) {
      const refused = meaningOf(error) === 'fault'
      if (refused && !reported)
        log.info(
          { cause: (error as Error).message },
          'The server or a pooler refuses LISTEN. Nodes notice work of other nodes within a second.',
        )
      reported ||= refused
      reconnect(refused ? REFUSED_MS : Math.min(FIRST_BACKOFF_MS * 2 ** failures++, LAST_BACKOFF_MS))
    }
  }

  function reconnect(waitMs: number): void {
    if (closed) return
    clearTimeout(retry)
    retry = setTimeout(() => {
      connecting = connect()
    }, waitMs)
    retry.unref()
  }

  function lost(ended: Connection): void {
    if (connection !== ended) return
    connection = undefined
    reconnect(FIRST_BACKOFF_MS)
  }

  function heard(payload: string): void {
    const [from, ...names] = payload.split(' ')
    if (from === node) return
    const scopes = names.map(scopeOf)
    if (scopes.length === 0 || scopes.includes(null)) ring(null)
    else for (const scope of scopes) ring(scope)
  }

  /** Sends the scopes that wait, one signal at a time. */
  function send(): void {
    if (waiting.size === 0 || timer || sending || !connection) return
    const waitMs = sentAt + PAUSE_MS - performance.now()
    if (waitMs <= 0) sendNow(connection)
    else
      timer = setTimeout(() => {
        timer = undefined
        if (connection) sendNow(connection)
      }, waitMs)
  }

  function sendNow(on: Connection): void {
    const names = waiting.size > MOST_SCOPES ? [EVERY] : [...waiting.keys()]
    waiting.clear()
    sentAt = performance.now()
    sending = on
      .run([{ text: NOTIFY, values: [[node, ...names].join(' ')] }])
      .catch(() => {
        // A server that became a standby refuses it: another one may be the primary.
        void on.close()
        lost(on)
      })
      .then(() => {
        sending = undefined
        send()
      })
  }

  return {
    tell(scopes) {
      // Without a connection the signals would be old when there is one, and its listeners look anyway.
      if (!connection || !others()) return
      for (const scope of scopes) waiting.set(nameIn(scope), scope)
      send()
    },
    onRemote: (listener) => void listeners.push(listener),
    async close() {
      closed = true
      clearTimeout(retry)
      clearTimeout(timer)
      timer = undefined
      await connecting
      await sending
      if (waiting.size > 0 && connection) sendNow(connection)
      await sending
      await connection?.close()
    },
  }
}

/** Null for a name that is none. */
function scopeOf(name: string): Scope | null {
  const found = /^(\d{1,10})\/([01])\/$/.exec(name)
  return found ? { accountId: Number(found[1]), mode: modeOf(Number(found[2])) } : null
}
