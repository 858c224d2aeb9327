/** Connections to one origin, each of which carries one request at a time. */
import type { Socket } from 'node:net'
import { type ConnectorOptions, createConnector, type Opened } from './connector.ts'
import { ResponseError, ResponseReader, type ResponseSink } from './response-reader.ts'

/** How long an idle connection is kept, in ms, unless the receiver says less. */
const IDLE_MS = 60_000
/** A connection is not used any more this long before its receiver closes it, in ms: both would meet. */
const EARLY_MS = 1_000
/** A connection is closed after so many requests, so that MiniPay follows a receiver to another address. */
const MAX_REQUESTS = 500

/** A request that waits for a connection, or is on one. */
export type Call = ResponseSink & {
  /** False once it has ended: it needs no connection any more. */
  isWanted(): boolean
  /** It has a connection; `cut` closes that. Returns what to send: bytes, or as Latin-1. */
  onConnection(cut: () => void): Buffer | string
  onEnd(): void
  onError(error: Error): void
}

export type Connections = {
  send(call: Call): void
  /** Closes all of them, and ends every call with an error. */
  close(): void
}

export type ConnectionOptions = ConnectorOptions & {
  /** The most that are open at once; more requests wait for one. */
  readonly connections: number
  /** In ms. */
  readonly monotonic: () => number
}

export function openConnections(origin: URL, options: ConnectionOptions): Connections {
  const { monotonic } = options
  const connect = createConnector(options)
  /** The one that was used last is at the end. */
  const free: Connection[] = []
  const all = new Set<Connection>()
  const opening = new Set<Socket>()
  const waiting: Call[] = []
  let isClosed = false

  function next(): Call | undefined {
    for (let call = waiting.shift(); call; call = waiting.shift()) if (call.isWanted()) return call
    return undefined
  }

  function open(): void {
    if (opening.size >= waiting.length || all.size + opening.size >= options.connections) return
    const opened = connect(origin, (error) => {
      const { socket } = opened
      opening.delete(socket)
      if (isClosed) return void socket.destroy()
      if (error === null) {
        const connection = new Connection(opened, { release, leave, monotonic })
        all.add(connection)
        release(connection)
      } else next()?.onError(error)
      open()
    })
    opening.add(opened.socket)
    open()
  }

  function release(connection: Connection): void {
    const call = next()
    if (call) {
      connection.send(call)
      return
    }
    free.push(connection)
    // The ones that were not needed for long.
    if (free[0]?.isStale()) free.shift()?.destroy()
  }

  function leave(connection: Connection): void {
    all.delete(connection)
    const place = free.indexOf(connection)
    if (place >= 0) free.splice(place, 1)
    open()
  }

  return {
    send(call) {
      if (isClosed) return call.onError(closedError())
      for (let connection = free.pop(); connection; connection = free.pop()) {
        if (!connection.isStale()) return connection.send(call)
        connection.destroy()
      }
      waiting.push(call)
      open()
    },
    close() {
      isClosed = true
      for (const socket of opening) socket.destroy()
      for (const connection of [...all]) connection.destroy(closedError())
      for (let call = next(); call; call = next()) call.onError(closedError())
    },
  }
}

type Owner = {
  release(connection: Connection): void
  leave(connection: Connection): void
  monotonic(): number
}

class Connection {
  readonly #socket: Socket
  readonly #owner: Owner
  readonly #reader = new ResponseReader()
  #call: Call | undefined
  #requests = 0
  #idleSince: number
  #isOver = false

  constructor({ socket, listen }: Opened, owner: Owner) {
    this.#socket = socket
    this.#owner = owner
    this.#idleSince = owner.monotonic()
    listen((bytes) => this.#onData(bytes))
    socket.on('end', () => this.#onEnd())
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  isStale(): boolean {
    const keptMs = Math.min(IDLE_MS, this.#reader.keptMs - EARLY_MS)
    return this.#isOver || !this.#socket.writable || this.#owner.monotonic() - this.#idleSince > keptMs
  }

  send(call: Call): void {
    this.#call = call
    this.#requests++
    this.#reader.begin(call)
    this.#socket.write(
      call.onConnection(() => this.destroy()),
      'latin1',
    )
  }

  /** A call that is in flight ends with the error. */
  destroy(error: Error = closedByReceiver()): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#socket.destroy()
    const call = this.#call
    this.#call = undefined
    this.#owner.leave(this)
    call?.onError(error)
  }

  #onData(bytes: Buffer): void {
    // Without a request there is nothing to say.
    try {
      if (this.#call === undefined) this.destroy()
      else if (this.#reader.read(bytes) === 'whole') this.#finish()
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error
      this.destroy(error)
    }
  }

  #finish(): void {
    const call = this.#call
    // It may have ended by itself meanwhile, and closed the connection.
    if (!call) return
    this.#call = undefined
    if (!this.#reader.isKept || this.#requests >= MAX_REQUESTS || this.#reader.keptMs <= EARLY_MS)
      this.destroy()
    else {
      this.#idleSince = this.#owner.monotonic()
      this.#owner.release(this)
    }
    call.onEnd()
  }

  #onEnd(): void {
    if (this.#call && this.#reader.end()) this.#finish()
    this.destroy()
  }
}

const closedByReceiver = () => new ResponseError('ECONNRESET')
const closedError = () => new ResponseError('CLIENT_CLOSED')
