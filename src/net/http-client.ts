import { createRequire } from 'node:module'
import type { Dispatcher, Pool } from 'undici'
import { ByteBuffer } from './byte-buffer.ts'
import { createEgress, type Egress } from './egress.ts'

/** No payment provider sends a longer response: MiniPay cuts it, and the outcome is unknown. In bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024
/** Time-out for a connection, in ms; after it, the request was definitely not sent. */
const CONNECT_TIMEOUT_MS = 5_000

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string | null
}

export type HttpResult =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** Names are lower case. */
      readonly headers: Readonly<Record<string, string | string[] | undefined>>
      readonly body: string
    }
  /** No byte of it left: no connection, or it was given up before there was one. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** Some of it may have left, and no whole answer came. */
  | { readonly kind: 'unknown'; readonly reason: string }

export type HttpClient = {
  /** Sends a request once and never again; never rejects. Redirects are answers like any other. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResult>
  /** Cuts what is in flight. */
  close(): Promise<void>
}

/** What a client does otherwise than usual. */
export type HttpClientOptions = {
  /** `MAX_ANSWER_BYTES` unless given. */
  readonly maxAnswerBytes?: number
  /** False: each request has a new connection. */
  readonly kept?: boolean
  /** Where it may connect to; anywhere but to addresses of special purpose unless given. */
  readonly egress?: Egress
}

/**
 * A client for one origin, with at most `connections` open; more requests wait for one. Anything after the
 * request's first byte is `unknown` unless a whole answer of at most `maxAnswerBytes` came: the peer may have acted on it.
 */
export function httpClient(
  origin: URL,
  connections: number,
  { maxAnswerBytes = MAX_ANSWER_BYTES, kept = true, egress = createEgress() }: HttpClientOptions = {},
): HttpClient {
  let pool: Pool | undefined
  let closed = false
  const forbidden = egress.forbids(origin.hostname)
  return {
    send({ method, path, headers, body }, signal) {
      return new Promise((resolve) => {
        if (closed) return resolve({ kind: 'not_sent', reason: 'the client is closed' })
        if (forbidden) return resolve({ kind: 'not_sent', reason: 'FORBIDDEN_ADDRESS' })
        if (signal.aborted) return resolve({ kind: 'not_sent', reason: BEFORE_SENT })
        const call = new Call(resolve, signal, maxAnswerBytes)
        try {
          pool ??= openPool(origin.origin, connections, kept, egress)
          pool.dispatch({ method, path, headers, body }, call)
        } catch (error) {
          call.onResponseError(null, error as Error)
        }
      })
    },
    async close() {
      closed = true
      await pool?.destroy()
    },
  }
}

/** The HTTP client is loaded with the first call: a server without remote providers does without its 26 MB. */
function openPool(origin: string, connections: number, kept: boolean, { lookup }: Egress): Pool {
  const undici = createRequire(import.meta.url)('undici') as typeof import('undici')
  return new undici.Pool(origin, {
    connections,
    // With 0 the connection is closed after the answer.
    pipelining: kept ? 1 : 0,
    // HTTP/1.1 alone: over HTTP/2 the library sends a refused request again by itself.
    allowH2: false,
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup },
    // The caller's signal is the only clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

const BEFORE_SENT = 'given up before it was sent'
const NO_ANSWER = 'no answer in time'

/** One request. `onRequestStart` is the line: the first byte is written right after it. */
class Call implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #status = 0
  #headers: Extract<HttpResult, { kind: 'answered' }>['headers'] = {}
  #body: ByteBuffer
  readonly #maxBytes: number
  readonly #resolve: (result: HttpResult) => void
  readonly #signal: AbortSignal
  readonly #onAbort = (): void => this.#fail(this.#controller === undefined ? BEFORE_SENT : NO_ANSWER)

  constructor(resolve: (result: HttpResult) => void, signal: AbortSignal, maxBytes: number) {
    this.#body = new ByteBuffer(maxBytes)
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // A second start would be a resend by the pool; a start after the end is ignored.
    if (this.#controller !== undefined || this.#settled) controller.abort(new Error(BEFORE_SENT))
    else this.#controller = controller
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    this.#body = new ByteBuffer(this.#maxBytes, Number(headers['content-length']))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#body.append(chunk)) this.#fail(`the answer is longer than ${this.#maxBytes / 1024} KiB`)
  }

  onResponseEnd(): void {
    const body = this.#body.take().toString()
    this.#settle({ kind: 'answered', status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(describe(error))
  }

  #fail(reason: string): void {
    const controller = this.#controller
    this.#settle({ kind: controller === undefined ? 'not_sent' : 'unknown', reason })
    controller?.abort(new Error(reason))
  }

  /** The first end counts: to abort a request reports an error of its own. */
  #settle(result: HttpResult): void {
    if (this.#settled) return
    this.#settled = true
    this.#body.take()
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#resolve(result)
  }
}

function describe(error: Error & { code?: string }): string {
  // The library's own codes say less than its words.
  const code = error.code?.startsWith('UND_') ? undefined : error.code
  return (code ?? error.message ?? 'failed').slice(0, 200)
}
