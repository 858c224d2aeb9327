import { connect, type Socket } from 'node:net'

const READ_BUFFER_BYTES = 64 * 1024
/** The caller handles each read before the next one begins, so all connections share one buffer. */
const readBuffer = Buffer.alloc(READ_BUFFER_BYTES)

export type ConnectionEvents = {
  onOpen(): void
  /** A response is complete. `answer` has its bytes, unless they came in several reads. */
  onAnswer(connection: Connection, status: number, answer: Buffer | undefined): void
  /** The server closed the connection, or it could not be opened. */
  onLost(connection: Connection): void
}

/**
 * A keep-alive HTTP/1.1 connection with at most one request in flight; it reads only the parts of HTTP that it needs.
 */
export class Connection {
  /** The request in flight. */
  request = ''
  /** When it was sent, or should have been, by `performance.now()`. */
  since = 0
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  #partialHead: Buffer | undefined
  #bodyLeft = 0
  #status = 0

  constructor(port: number, events: ConnectionEvents) {
    this.#events = events
    const callback = (size: number) => {
      this.#read(readBuffer.subarray(0, size))
      return true
    }
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readBuffer, callback },
    })
    this.#socket.once('connect', () => events.onOpen())
    this.#socket.once('close', () => events.onLost(this))
    this.#socket.on('error', () => {}) // The 'close' event follows.
  }

  send(request: string, since: number): void {
    this.request = request
    this.since = since
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#bodyLeft > 0) {
      this.#bodyLeft -= chunk.length
      if (this.#bodyLeft <= 0) this.#complete(undefined)
      return
    }
    const bytes = this.#partialHead ? Buffer.concat([this.#partialHead, chunk]) : chunk
    const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1')
    if (headEnd < 0) {
      this.#partialHead = Buffer.from(bytes)
      return
    }
    this.#partialHead = undefined
    this.#status = number(bytes, 'HTTP/1.1 '.length)
    this.#bodyLeft = headEnd + 4 + contentLength(bytes, headEnd) - bytes.length
    if (this.#bodyLeft <= 0) this.#complete(bytes)
  }

  #complete(answer: Buffer | undefined): void {
    if (this.#bodyLeft < 0) throw new Error('more bytes came than the answer has')
    this.#events.onAnswer(this, this.#status, answer)
  }
}

function contentLength(bytes: Buffer, headEnd: number): number {
  const name = 'content-length: '
  let at = bytes.indexOf(name, 0, 'latin1')
  if (at < 0 || at > headEnd) at = bytes.toString('latin1', 0, headEnd).toLowerCase().indexOf(name)
  return at < 0 ? 0 : number(bytes, at + name.length)
}

/** The number in decimal digits at this position. */
function number(bytes: Buffer, start: number): number {
  let value = 0
  for (let i = start; ; i++) {
    const digit = (bytes[i] ?? 0) - 48
    if (digit < 0 || digit > 9) return value
    value = value * 10 + digit
  }
}
