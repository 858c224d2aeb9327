/**
 * Reads responses of HTTP/1.1 (RFC 9112) to requests that have a body, one after another on a connection. It is strict:
 * a response that two readers could understand differently is refused, and its connection is closed.
 */

/** The most bytes of a head, status line and headers. */
const MAX_HEAD_BYTES = 16 * 1024
/** The most responses such as `100 Continue` and `103 Early Hints` before the receiver's own. */
const MAX_INTERIM = 8
/** The most characters of the size of a chunk, without extensions. */
const MAX_SIZE_CHARS = 8

const [CR, LF, SEMICOLON] = [0x0d, 0x0a, 0x3b]
const END_OF_HEAD = Buffer.from('\r\n\r\n')
const BEGINNING = 'HTTP/1.'
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?$/
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/

export type Head = {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly isEncoded: boolean
  /** The announced length of the body in bytes; null without one. */
  readonly length: number | null
  /** The lines of its headers. */
  readonly lines: readonly string[]
}

/** The value of a header; undefined if it is absent or repeated. `name` is in lower case. */
export function headerOf({ lines }: Pick<Head, 'lines'>, name: string): string | undefined {
  const found = lines.filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === name)
  const [line = '', ...others] = found
  return found.length === 0 || others.length > 0 ? undefined : line.slice(name.length + 1).trim()
}

/** Gets a response as it is read. */
export type ResponseSink = {
  onHead(head: Head): void
  /** Bytes of the body, which are valid only during the call. */
  onData(bytes: Buffer): void
}

/** `whole`: the response has ended. `more`: it has not. */
export type Progress = 'more' | 'whole'

/** A response that is no HTTP, or too long. */
export class ResponseError extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

type Headers = { length: number | null; isChunked: boolean; isUntilClose: boolean }
/** What comes next: the head, a body, a part of one in chunks, or nothing. */
type State =
  | 'head'
  | 'body'
  | 'until close'
  | 'size'
  | 'extension'
  | 'chunk'
  | 'chunk end'
  | 'trailer'
  | 'over'

export class ResponseReader {
  /** Whether the connection may carry another request, once the response is whole. */
  isKept = false
  /** How long the peer keeps an idle connection, in ms; undefined if it does not say so. */
  keptMs: number | undefined
  #state: State = 'over'
  #sink: ResponseSink | undefined
  #held: Buffer | undefined
  #read = 0
  #interim = 0
  /** Bytes of the body, or of the chunk, that have not come; the characters of a chunk's size. */
  #rest = 0
  #line = ''
  readonly #maxBytes: number

  /**
   * `maxBytes` is the most of any kind in response to one request: head and body have limits of their own, but a reader also
   * reads extensions of chunks and the like without end.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** A request is about to be sent. */
  begin(sink: ResponseSink): void {
    this.#state = 'head'
    this.#sink = sink
    this.#held = undefined
    this.#read = 0
    this.#interim = 0
    this.isKept = false
  }

  /** Reads bytes, and keeps none of them: the caller may use their memory again. Throws `ResponseError`. */
  read(bytes: Buffer): Progress {
    this.#read += bytes.length
    if (this.#read > this.#maxBytes) throw new ResponseError('RESPONSE_TOO_LONG')
    const rest = this.#state === 'head' ? this.#readHead(bytes) : bytes
    if (rest !== undefined && rest.length > 0) this.#readBody(rest)
    return this.#state === 'over' ? 'whole' : 'more'
  }

  /** The connection has ended: whether the response is whole. */
  end(): boolean {
    return this.#state === 'until close'
  }

  /** Returns the bytes after the head; undefined while it is not whole. */
  #readHead(bytes: Buffer): Buffer | undefined {
    let data = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes])
    for (;;) {
      if (!BEGINNING.startsWith(data.toString('latin1', 0, BEGINNING.length)) && !beginsWell(data))
        throw notHttp()
      const end = data.indexOf(END_OF_HEAD)
      if (end < 0 || end > MAX_HEAD_BYTES) {
        if (data.length > MAX_HEAD_BYTES)
          throw new ResponseError(data.includes('\r\n') ? 'HEADERS_TOO_LONG' : 'RESPONSE_TOO_LONG')
        this.#held = Buffer.from(data)
        return undefined
      }
      this.#held = undefined
      const rest = data.subarray(end + END_OF_HEAD.length)
      if (this.#takeHead(data.toString('latin1', 0, end))) return rest
      data = rest
      if (data.length === 0) return undefined
    }
  }

  /** False: the head was of an interim response. */
  #takeHead(text: string): boolean {
    const [first = '', ...lines] = text.split('\r\n')
    const [, minor, code] = STATUS_LINE.exec(first) ?? []
    if (code === undefined) throw notHttp()
    const status = Number(code)
    if (status < 200) {
      this.#countInterim(status)
      return false
    }
    let retryAfter: string | undefined
    let isEncoded = false
    const about: Headers = { length: null, isChunked: false, isUntilClose: false }
    let isClosing = minor === '0'
    for (const line of lines) {
      const [, name, padded] = HEADER.exec(line) ?? []
      if (name === undefined || padded === undefined) throw notHttp()
      const value = padded.trimEnd()
      switch (name.toLowerCase()) {
        case 'content-length':
          if (about.length !== null || !/^\d{1,15}$/.test(value)) throw notHttp()
          about.length = Number(value)
          break
        case 'transfer-encoding':
          if (about.isChunked || about.isUntilClose) throw notHttp()
          if (/(?:^|,)[\t ]*chunked$/i.test(value)) about.isChunked = true
          else about.isUntilClose = true
          break
        case 'connection':
          if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) isClosing = true
          break
        case 'keep-alive':
          this.#learnTimeout(value)
          break
        case 'retry-after':
          retryAfter ??= value
          break
        case 'content-encoding':
          if (value.toLowerCase() !== 'identity') isEncoded = true
      }
    }
    if (about.length !== null && (about.isChunked || about.isUntilClose)) throw notHttp()
    this.#state = stateAfter(status, about)
    this.#rest = about.length ?? 0
    this.#line = ''
    this.isKept = !isClosing && this.#state !== 'until close'
    this.#sink?.onHead({ status, retryAfter, isEncoded, length: about.length, lines })
    return true
  }

  /** MiniPay requested none, and no other protocol. */
  #countInterim(status: number): void {
    if (status === 101) throw notHttp()
    if (++this.#interim > MAX_INTERIM) throw new ResponseError('ONLY_INTERIM')
  }

  #learnTimeout(value: string): void {
    const [, seconds] = /(?:^|,)[\t ]*timeout=(\d{1,6})/i.exec(value) ?? []
    if (seconds !== undefined) this.keptMs = Number(seconds) * 1000
  }

  #readBody(bytes: Buffer): void {
    if (this.#state === 'until close') {
      this.#sink?.onData(bytes)
      return
    }
    let at = 0
    while (at < bytes.length) {
      if (this.#state === 'over') {
        // Nothing may follow before the next request: the connection would be out of step.
        this.isKept = false
        return
      }
      at =
        this.#state === 'body' || this.#state === 'chunk'
          ? this.#readData(bytes, at)
          : this.#readFrame(bytes, at)
    }
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#rest)
    this.#rest -= end - at
    this.#sink?.onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    if (this.#rest === 0) {
      this.#line = ''
      this.#state = this.#state === 'body' ? 'over' : 'chunk end'
    }
    return end
  }

  /** Reads a byte of what is around chunks. */
  #readFrame(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number
    if (byte === LF) {
      if (!this.#line.endsWith('\r')) throw notHttp()
      this.#endLine()
    } else if (this.#line.endsWith('\r')) throw notHttp()
    else if (byte === CR) this.#line += '\r'
    else if (this.#state === 'chunk end') throw notHttp()
    else if (this.#state === 'size' && byte === SEMICOLON) this.#state = 'extension'
    else if (this.#state === 'size') {
      this.#line += String.fromCharCode(byte)
      if (this.#line.length > MAX_SIZE_CHARS || !/^[0-9A-Fa-f]+$/.test(this.#line)) throw notHttp()
    } else if (this.#state === 'trailer') this.#rest = 1
    return at + 1
  }

  /** `#line` has the size of a chunk, and the CR behind it. */
  #endLine(): void {
    const line = this.#line.slice(0, -1)
    this.#line = ''
    if (this.#state === 'chunk end') this.#state = 'size'
    else if (this.#state === 'trailer') {
      // A line without a byte ends the trailers.
      if (this.#rest === 0) this.#state = 'over'
      this.#rest = 0
    } else {
      if (line === '') throw notHttp()
      this.#rest = Number.parseInt(line, 16)
      this.#state = this.#rest === 0 ? 'trailer' : 'chunk'
    }
  }
}

function stateAfter(status: number, { length, isChunked }: Headers): State {
  if (status === 204 || status === 304 || (length === 0 && !isChunked)) return 'over'
  if (isChunked) return 'size'
  return length === null ? 'until close' : 'body'
}

const beginsWell = (data: Buffer) => data.toString('latin1', 0, BEGINNING.length) === BEGINNING
const notHttp = () => new ResponseError('NOT_HTTP')
