/** Connections to one origin, each of which carries one request at a time. */
import type { Socket } from 'node:net'
import { type ConnectorOptions, createConnector, type Opened } from './connector.ts'
import { ResponseError, ResponseReader, type ResponseSink } from './response-reader.ts'

/** How long connections are used. */
export type Keeping = {
  /** How long an idle connection is kept, in ms, unless its peer says less. */
  readonly idleMs: number
  /** The same if its peer says nothing. */
  readonly unsaidMs: number
  /** A connection is not used any more this long before its peer closes it, in ms: both would meet. */
  readonly earlyMs: number
  /** A connection is closed after so many requests, so that MiniPay follows its peer to another address. */
  readonly requests: number
}

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
  readonly keeping: Keeping
  /** The most bytes of a response of any kind. */
  readonly maxBytes: number
  /** In ms. */
  readonly monotonic: () => number
}

export function openConnections(origin: URL, options: ConnectionOptions): Connections {
  const { monotonic, keeping, maxBytes } = options
  const connect = createConnector(options)
  /** The one that was used last is at the end. */
  const free: Connection[] = []
  const all = new Set<Connection>()
  /** Those whose response has ended in this turn of the event loop, and in the turn before. */
  let ended: Connection[] = []
  let resting: Connection[] = []
  /** Idle ones that a call has chosen in this turn. */
  let chosen: Connection[] = []
  let isTurning = false
  const opening = new Set<Socket>()
  const waiting: Call[] = []
  let isClosed = false

  function next(): Call | undefined {
    for (let call = waiting.shift(); call; call = waiting.shift()) if (call.isWanted()) return call
    return undefined
  }

  function open(): void {
    // Not counting those that rest: on a busy machine two turns take longer than to open a connection.
    const coming = opening.size + chosen.length
    if (isClosed || coming >= waiting.length || all.size + opening.size >= options.connections) return
    const opened = connect(origin, (error) => {
      const { socket } = opened
      opening.delete(socket)
      if (isClosed) return void socket.destroy()
      if (error === null) {
        const connection = new Connection(opened, { rest, leave, monotonic, keeping, maxBytes })
        all.add(connection)
        release(connection)
      } else next()?.onError(error)
      open()
    })
    opening.add(opened.socket)
    open()
  }

  /**
   * A peer that closes a connection although it should keep it often does so right after its response: the next request
   * would be lost. So a connection rests until the end that came with the response has been read. Two turns for each,
   * because the first comes before the next reads.
   */
  function rest(connection: Connection): void {
    ended.push(connection)
    awaitTurn()
  }

  /**
   * A turn for one that was idle: its end, or bytes that are no response to the call, may have come while the event loop was
   * busy, and are read first.
   */
  function choose(connection: Connection): void {
    chosen.push(connection)
    awaitTurn()
  }

  function awaitTurn(): void {
    if (!isTurning) setImmediate(turn)
    isTurning = true
  }

  function turn(): void {
    const ready = chosen.concat(resting)
    chosen = []
    resting = ended
    ended = []
    isTurning = false
    if (resting.length > 0) awaitTurn()
    for (const connection of ready) if (!connection.isOver) release(connection)
    // For those that did not live to see it.
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
      waiting.push(call)
      for (let connection = free.pop(); connection; connection = free.pop()) {
        if (!connection.isStale()) return choose(connection)
        connection.destroy()
      }
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

type Owner = Pick<ConnectionOptions, 'keeping' | 'maxBytes' | 'monotonic'> & {
  rest(connection: Connection): void
  leave(connection: Connection): void
}

class Connection {
  readonly #socket: Socket
  readonly #owner: Owner
  readonly #reader: ResponseReader
  #call: Call | undefined
  #requests = 0
  #idleSince: number
  isOver = false

  constructor({ socket, listen }: Opened, owner: Owner) {
    this.#socket = socket
    this.#owner = owner
    this.#reader = new ResponseReader(owner.maxBytes)
    this.#idleSince = owner.monotonic()
    listen((bytes) => this.#onData(bytes))
    socket.on('end', () => this.#onEnd())
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  isStale(): boolean {
    if (this.isOver || !this.#socket.writable) return true
    return this.#owner.monotonic() - this.#idleSince > this.#keptMs()
  }

  /** How long its peer keeps it while it is idle, less a margin. */
  #keptMs(): number {
    const { idleMs, unsaidMs, earlyMs } = this.#owner.keeping
    const { keptMs } = this.#reader
    return keptMs === undefined ? unsaidMs : Math.min(idleMs, keptMs - earlyMs)
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
    if (this.isOver) return
    this.isOver = true
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
    if (!this.#mayBeKept()) this.destroy()
    else {
      this.#idleSince = this.#owner.monotonic()
      this.#owner.rest(this)
    }
    call.onEnd()
  }

  #mayBeKept(): boolean {
    // The rest of a request whose response came early would stand in the way of the next request.
    if (this.#socket.writableLength > 0) return false
    return this.#reader.isKept && this.#requests < this.#owner.keeping.requests && this.#keptMs() > 0
  }

  #onEnd(): void {
    if (this.#call && this.#reader.end()) this.#finish()
    this.destroy()
  }
}

const closedByReceiver = () => new ResponseError('ECONNRESET')
const closedError = () => new ResponseError('CLIENT_CLOSED')
