/** Posts messages to one origin, within bounds of time and memory that the receiver cannot exceed. */
import type { Dispatcher, Pool } from 'undici'
import { type ConnectorOptions, createConnector } from './connector.ts'
import type { Deadlines, Expiring } from './deadlines.ts'
import { failureWords } from './failure-words.ts'
import { loadPool } from './pool.ts'

/** The most bytes of a response's headers. */
const MAX_HEADER_BYTES = 16 * 1024
/** The most bytes of a body that are read before the connection is cut. */
const MAX_BODY_BYTES = 16 * 1024
/** How much of the body is kept: 500 characters in UTF-8. */
const KEPT_BYTES = 2_000
/** How long an idle connection is kept, in ms, unless the receiver asks for less. */
const IDLE_MS = 60_000
/**
 * A connection is closed after so many requests, so that MiniPay follows a receiver to another address. To bound the age
 * (`clientTtl`) made each request dearer: undici then reads the clock for every connection.
 */
const MAX_REQUESTS = 500

export type PostResult =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly retryAfter: string | undefined
      /** The first bytes of the body; null for one that is compressed. */
      readonly beginning: Buffer | null
      /** The response did not end within its bounds. */
      readonly isCut: boolean
    }
  /** There was no status, for a reason in words. */
  | { readonly kind: 'failed'; readonly reason: string }

export type Poster = {
  /** Posts once; never rejects. Redirects are ordinary responses. */
  post(path: string, headers: Record<string, string>, body: string | Buffer): Promise<PostResult>
  readonly inFlight: number
  /** Closes the connections, and cuts the requests in flight. */
  close(): Promise<void>
}

export type PosterOptions = Omit<ConnectorOptions, 'deadlines'> & {
  /** The most connections that are open at once; more requests wait for one. */
  readonly connections: number
  /** The time from `post` to the end of the response. */
  readonly deadlines: Deadlines
  /** The time that the body may take after the headers; then the response counts without the rest. */
  readonly bodyDeadlines: Deadlines
  /** The length of `deadlines`, for the reason of a failure. */
  readonly deadlineMs: number
}

export function createPoster(origin: string, options: PosterOptions): Poster {
  const pool = openPool(origin, options)
  let inFlight = 0
  const ended = () => void inFlight--
  return {
    post(path, headers, body) {
      inFlight++
      return new Promise((resolve) => {
        const call = new Post(options, resolve, ended)
        try {
          pool.dispatch({ method: 'POST', path, headers, body }, call)
        } catch (error) {
          call.onResponseError(null, error as Error)
        }
      })
    },
    get inFlight() {
      return inFlight
    },
    close: () => pool.destroy(),
  }
}

function openPool(origin: string, options: PosterOptions): Pool {
  return new (loadPool())(origin, {
    connections: options.connections,
    connect: createConnector(options),
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    maxRequestsPerClient: MAX_REQUESTS,
    // The deadlines are the only clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

const EMPTY = Buffer.alloc(0)

/** One request. */
class Post implements Dispatcher.DispatchHandler, Expiring {
  #controller: Dispatcher.DispatchController | undefined
  #isSettled = false
  #status = 0
  #retryAfter: string | undefined
  #isEncoded = false
  #kept: Buffer | undefined
  #read = 0
  readonly #options: PosterOptions
  readonly #resolve: (result: PostResult) => void
  readonly #onEnd: () => void

  constructor(options: PosterOptions, resolve: (result: PostResult) => void, onEnd: () => void) {
    this.#options = options
    this.#resolve = resolve
    this.#onEnd = onEnd
    options.deadlines.add(this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isSettled) controller.abort(new Error('too late'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // Others were left out before: see `interim`.
    if (status < 200) return
    this.#status = status
    this.#retryAfter = first(headers['retry-after'])
    this.#isEncoded = (first(headers['content-encoding']) ?? 'identity') !== 'identity'
    this.#options.bodyDeadlines.add(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = KEPT_BYTES - this.#read
    this.#read += chunk.length
    if (room > 0) {
      const piece = chunk.subarray(0, room)
      this.#kept = this.#kept === undefined ? piece : Buffer.concat([this.#kept, piece])
    }
    if (this.#read > MAX_BODY_BYTES) this.expire()
  }

  onResponseEnd(): void {
    this.#settle(this.#response(false))
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#settle(this.#status > 0 ? this.#response(true) : { kind: 'failed', reason: failureWords(error) })
  }

  /** The time is over, for the whole or for the body. */
  expire(): void {
    const controller = this.#controller
    const awaited = controller === undefined ? 'connection' : 'response'
    const reason = `no ${awaited} within ${this.#options.deadlineMs / 1000} s`
    this.#settle(this.#status > 0 ? this.#response(true) : { kind: 'failed', reason })
    controller?.abort(new Error(reason))
  }

  #response(isCut: boolean): PostResult {
    const beginning = this.#isEncoded ? null : (this.#kept ?? EMPTY)
    return { kind: 'response', status: this.#status, retryAfter: this.#retryAfter, beginning, isCut }
  }

  /** The first end counts: to abort a request reports an error of its own. */
  #settle(result: PostResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#options.deadlines.delete(this)
    this.#options.bodyDeadlines.delete(this)
    this.#onEnd()
    this.#resolve(result)
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'object' ? header[0] : header
}
