import { ByteBuffer } from './byte-buffer.ts'
import { type Call, type Keeping, openConnections } from './connections.ts'
import { createDeadlines } from './deadlines.ts'
import { createEgress, type Egress } from './egress.ts'
import { type Request, requestBytes } from './request-bytes.ts'
import { type Head, headerOf, ResponseError } from './response-reader.ts'

/** The longest body in bytes; a longer one is cut. No payment provider sends one. */
const MAX_BODY_BYTES = 1024 * 1024
/** The most bytes of any kind of a response, for each of its body: a body may come in very small chunks. */
const FRAMED = 8
const MAX_HEADS_BYTES = 64 * 1024
/** Time-out for a connection, in ms; after it, the request was definitely not sent. */
const CONNECT_TIMEOUT_MS = 5_000
/**
 * A request that its peer did not read because it closed the connection has an unknown outcome, so an idle connection is
 * kept for less than servers usually do.
 */
const KEEPING: Keeping = {
  idleMs: 60_000,
  unsaidMs: 4_000,
  earlyMs: 2_000,
  requests: Number.POSITIVE_INFINITY,
}

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string | null
}

export type HttpResult =
  | {
      readonly kind: 'response'
      readonly status: number
      /** The value of a header; undefined if it is absent or repeated. `name` is in lower case. */
      readonly header: (name: string) => string | undefined
      readonly body: string
      /** Closes the connection on which the response came. */
      readonly cut: () => void
    }
  /** No byte left this process: there was no connection, or the request was given up before. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** Some bytes may have left, and no whole response came. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** Ends a request, such as an `AbortSignal`. */
export type Aborting = {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export type HttpClient = {
  /** Sends a request once and never again; never rejects. Redirects are ordinary responses. */
  send(request: HttpRequest, signal: Aborting): Promise<HttpResult>
  /** Cuts the requests in flight. */
  close(): Promise<void>
}

export type HttpClientOptions = {
  /** A longer body is cut: 1 MiB unless given, in bytes. */
  readonly maxBodyBytes?: number
  /** False: each request has a new connection. */
  readonly kept?: boolean
  /** The allowed addresses; unless given, all but special-purpose addresses. */
  readonly egress?: Egress
  /** Five seconds unless given, in ms. */
  readonly connectTimeoutMs?: number
}

/** The time of the machine, whose timers do not keep the process alive. */
const TIME = {
  after(ms: number, action: () => void) {
    const timer = setTimeout(action, ms).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  monotonic: () => performance.now(),
  nextTurn: (action: () => void) => void setImmediate(action),
}

/**
 * A client for one origin, with at most `connections` open; more requests wait for one. After the request's first
 * byte, everything but a whole response with a body of at most `maxBodyBytes` is `unknown`, because the peer may have
 * acted on the request. The caller's signal is the only clock of a request.
 */
export function httpClient(origin: URL, connections: number, options: HttpClientOptions = {}): HttpClient {
  const { kept = true, maxBodyBytes = MAX_BODY_BYTES, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const { lookup, forbids } = options.egress ?? createEgress()
  const deadlines = createDeadlines(TIME, connectTimeoutMs)
  const opened = openConnections(origin, {
    ...{ connections, lookup, forbids, deadlines, monotonic: TIME.monotonic },
    keeping: kept ? KEEPING : { ...KEEPING, requests: 1 },
    maxBytes: MAX_HEADS_BYTES + FRAMED * maxBodyBytes,
  })
  const { host } = origin
  // `lookup` is not called for a written address, so the address is checked here.
  const forbidden = forbids(origin.hostname)
  let closed = false
  return {
    send({ method, path, headers, body }, signal) {
      return new Promise((resolve) => {
        const refuse = (reason: string) => resolve({ kind: 'not_sent', reason })
        if (closed) return refuse(CLOSED)
        if (forbidden) return refuse('FORBIDDEN_ADDRESS')
        if (signal.aborted) return refuse(BEFORE_SENT)
        const request = requestBytes({ method, host, path, headers, kept }, body)
        if (request === null) return refuse('HTTP does not allow the path or a header of the request')
        opened.send(new Sent(request, resolve, signal, maxBodyBytes))
      })
    },
    async close() {
      closed = true
      opened.close()
      deadlines.stop()
    },
  }
}

const CLOSED = 'the client is closed'
const BEFORE_SENT = 'given up before it was sent'
const NO_ANSWER = 'no response in time'

/** One request. `onConnection` is the line: the first byte is written right after it. */
class Sent implements Call {
  #cut: (() => void) | undefined
  #isSettled = false
  #head: Head | undefined
  /** A body that came in one piece, as nearly all do; others are in `#pieces`. */
  #body = ''
  #pieces: ByteBuffer | undefined
  readonly #request: Request
  readonly #resolve: (result: HttpResult) => void
  readonly #signal: Aborting
  readonly #maxBytes: number
  readonly #onAbort = (): void => this.#fail(this.#cut === undefined ? BEFORE_SENT : NO_ANSWER)

  constructor(request: Request, resolve: (result: HttpResult) => void, signal: Aborting, maxBytes: number) {
    this.#request = request
    this.#resolve = resolve
    this.#signal = signal
    this.#maxBytes = maxBytes
    signal.addEventListener('abort', this.#onAbort)
  }

  isWanted(): boolean {
    return !this.#isSettled
  }

  onConnection(cut: () => void): Request {
    this.#cut = cut
    return this.#request
  }

  onHead(head: Head): void {
    this.#head = head
  }

  onData(bytes: Buffer): void {
    if (this.#isSettled) return
    if (bytes.length === this.#head?.length && bytes.length <= this.#maxBytes) {
      this.#body = bytes.toString()
      return
    }
    this.#pieces ??= new ByteBuffer(this.#maxBytes)
    if (!this.#pieces.append(bytes)) this.#fail(`the response is longer than ${this.#maxBytes / 1024} KiB`)
  }

  onEnd(): void {
    const head = this.#head as Head
    const body = this.#pieces?.take().toString() ?? this.#body
    const header = (name: string) => headerOf(head, name)
    const cut = this.#cut as () => void
    this.#settle({ kind: 'response', status: head.status, header, body, cut })
  }

  onError(error: Error): void {
    this.#fail(describe(error))
  }

  #fail(reason: string): void {
    const cut = this.#cut
    this.#settle({ kind: cut === undefined ? 'not_sent' : 'unknown', reason })
    cut?.()
  }

  /** The first end counts: to cut the connection reports an error of its own. */
  #settle(result: HttpResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#resolve(result)
  }
}

const WORDS: Readonly<Record<string, string>> = {
  CLIENT_CLOSED: CLOSED,
  ECONNRESET: 'the connection was closed before a whole response',
  NOT_HTTP: 'the response is not HTTP/1.1',
  HEADERS_TOO_LONG: 'the headers of the response are too long',
  RESPONSE_TOO_LONG: 'the response is too long',
  ONLY_INTERIM: 'there were only interim responses',
}

function describe(error: Error & { code?: string }): string {
  const { code, message } = error
  // A reset by the peer's machine keeps its code, which says more.
  const words = error instanceof ResponseError ? WORDS[error.code] : undefined
  return (words ?? code ?? message ?? 'failed').slice(0, 200)
}
