import type { Dispatcher, Pool } from 'undici'
import { ByteBuffer } from './byte-buffer.ts'
import { createEgress, type Egress } from './egress.ts'
import { loadPool } from './pool.ts'

/** The longest body in bytes; a longer one is cut. No payment provider sends one. */
const MAX_BODY_BYTES = 1024 * 1024
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
      readonly kind: 'response'
      readonly status: number
      /** Names are lower case. */
      readonly headers: Readonly<Record<string, string | string[] | undefined>>
      readonly body: string
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

/**
 * A client for one origin, with at most `connections` open; more requests wait for one. After the request's first
 * byte, everything but a whole response with a body of at most `maxBodyBytes` is `unknown`, because the peer may have
 * acted on the request.
 */
export function httpClient(origin: URL, connections: number, options: HttpClientOptions = {}): HttpClient {
  const egress = options.egress ?? createEgress()
  let pool: Pool | undefined
  let closed = false
  // `lookup` is not called for a written address, so the address is checked here.
  const forbidden = egress.forbids(origin.hostname)
  return {
    send({ method, path, headers, body }, signal) {
      return new Promise((resolve) => {
        if (closed) return resolve({ kind: 'not_sent', reason: 'the client is closed' })
        if (forbidden) return resolve({ kind: 'not_sent', reason: 'FORBIDDEN_ADDRESS' })
        if (signal.aborted) return resolve({ kind: 'not_sent', reason: BEFORE_SENT })
        const call = new Call(resolve, signal, options)
        try {
          pool ??= openPool(origin.origin, connections, egress, options)
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

function openPool(
  origin: string,
  connections: number,
  { lookup }: Egress,
  { kept = true, connectTimeoutMs = CONNECT_TIMEOUT_MS }: HttpClientOptions,
): Pool {
  return new (loadPool())(origin, {
    connections,
    // With 0, the connection closes after the response.
    pipelining: kept ? 1 : 0,
    // Over HTTP/2, undici resends a request that the server refused.
    allowH2: false,
    // Also with NODE_TLS_REJECT_UNAUTHORIZED=0.
    connect: { timeout: connectTimeoutMs, lookup, rejectUnauthorized: true },
    // The caller's signal is the only clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

const BEFORE_SENT = 'given up before it was sent'
const NO_ANSWER = 'no response in time'

/** One request. `onRequestStart` is the line: the first byte is written right after it. */
class Call implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #status = 0
  #headers: Extract<HttpResult, { kind: 'response' }>['headers'] = {}
  #body: ByteBuffer
  readonly #maxBytes: number
  readonly #resolve: (result: HttpResult) => void
  readonly #signal: Aborting
  readonly #onAbort = (): void => this.#fail(this.#controller === undefined ? BEFORE_SENT : NO_ANSWER)

  constructor(
    resolve: (result: HttpResult) => void,
    signal: Aborting,
    { maxBodyBytes = MAX_BODY_BYTES }: HttpClientOptions,
  ) {
    this.#body = new ByteBuffer(maxBodyBytes)
    this.#maxBytes = maxBodyBytes
    this.#resolve = resolve
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
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
    if (!this.#body.append(chunk)) this.#fail(`the response is longer than ${this.#maxBytes / 1024} KiB`)
  }

  onResponseEnd(): void {
    const body = this.#body.take().toString()
    this.#settle({ kind: 'response', status: this.#status, headers: this.#headers, body })
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
  // The library's codes say less than its messages.
  const code = error.code?.startsWith('UND_') ? undefined : error.code
  return (code ?? error.message ?? 'failed').slice(0, 200)
}
