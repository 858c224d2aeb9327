/** Posts messages to one origin, within bounds of time and memory that the receiver cannot exceed. */
import { type Call, type ConnectionOptions, type Keeping, openConnections } from './connections.ts'
import type { Deadline, Deadlines, Expiring } from './deadlines.ts'
import { failureWords } from './failure-words.ts'
import { type Request, requestBytes } from './request-bytes.ts'
import type { Head } from './response-reader.ts'

/** The most bytes of a body that are read before the connection is cut. */
const MAX_BODY_BYTES = 16 * 1024
/** The most bytes of any kind in response to one request. */
const MAX_BYTES = 128 * 1024
/** A receiver that does not say how long it keeps a connection may close it at any time: then the message is sent again. */
const KEEPING: Keeping = { idleMs: 60_000, unsaidMs: 60_000, earlyMs: 1_000, requests: 500 }
/** How much of the body is kept: 500 characters in UTF-8. */
const KEPT_BYTES = 2_000
/** The reason of a failure. */
const FORBIDDEN_HEADER = 'a header of the message is not allowed'

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
  post(path: string, headers: Readonly<Record<string, string>>, body: string | Buffer): Promise<PostResult>
  readonly inFlight: number
  /** Closes the connections, and cuts the requests in flight. */
  close(): Promise<void>
}

export type PosterOptions = Omit<ConnectionOptions, 'deadlines' | 'keeping' | 'maxBytes'> & {
  /** The time from `post` to the end of the response. */
  readonly deadlines: Deadlines
  /** The time that the body may take after the headers; then the response counts without the rest. */
  readonly bodyDeadlines: Deadlines
  /** The length of `deadlines`, for the reason of a failure. */
  readonly deadlineMs: number
}

export function createPoster(origin: string, options: PosterOptions): Poster {
  const url = new URL(origin)
  const connections = openConnections(url, { ...options, keeping: KEEPING, maxBytes: MAX_BYTES })
  let inFlight = 0
  const ended = () => void inFlight--
  return {
    post(path, headers, body) {
      inFlight++
      return new Promise((resolve) => {
        const head = { method: 'POST', host: url.host, path, headers, kept: true }
        const post = new Post(options, requestBytes(head, body), resolve, ended)
        if (post.isWanted()) connections.send(post)
      })
    },
    get inFlight() {
      return inFlight
    },
    async close() {
      connections.close()
    },
  }
}

const EMPTY = Buffer.alloc(0)

/** One request. */
class Post implements Call, Expiring {
  #cut: (() => void) | undefined
  #deadline: Deadline | undefined
  #bodyDeadline: Deadline | undefined
  #isSettled = false
  #head: Head | undefined
  #kept: Buffer | undefined
  #read = 0
  readonly #options: PosterOptions
  readonly #request: Request | null
  readonly #resolve: (result: PostResult) => void
  readonly #onEnd: () => void

  constructor(
    options: PosterOptions,
    request: Request | null,
    resolve: (result: PostResult) => void,
    onEnd: () => void,
  ) {
    this.#options = options
    this.#request = request
    this.#resolve = resolve
    this.#onEnd = onEnd
    if (request) this.#deadline = options.deadlines.add(this)
    else this.#settle({ kind: 'failed', reason: FORBIDDEN_HEADER })
  }

  isWanted = (): boolean => !this.#isSettled

  onConnection(cut: () => void): Request {
    this.#cut = cut
    return this.#request ?? ''
  }

  onHead(head: Head): void {
    this.#head = head
    if (!this.#isSettled) this.#bodyDeadline = this.#options.bodyDeadlines.add(this)
  }

  onData(bytes: Buffer): void {
    const room = KEPT_BYTES - this.#read
    this.#read += bytes.length
    if (room > 0) {
      const piece = bytes.subarray(0, room)
      this.#kept = this.#kept === undefined ? Buffer.from(piece) : Buffer.concat([this.#kept, piece])
    }
    if (this.#read > MAX_BODY_BYTES) this.expire()
  }

  onEnd(): void {
    this.#settle(this.#response(false))
  }

  onError(error: Error): void {
    this.#settle(this.#response(true) ?? { kind: 'failed', reason: failureWords(error) })
  }

  /** The time is over, for the whole or for the body. */
  expire(): void {
    const awaited = this.#cut === undefined ? 'connection' : 'response'
    const reason = `no ${awaited} within ${this.#options.deadlineMs / 1000} s`
    this.#settle(this.#response(true) ?? { kind: 'failed', reason })
    this.#cut?.()
  }

  #response(isCut: boolean): PostResult | undefined {
    if (!this.#head) return undefined
    const { status, retryAfter, isEncoded } = this.#head
    return {
      kind: 'response',
      status,
      retryAfter,
      beginning: isEncoded ? null : (this.#kept ?? EMPTY),
      isCut,
    }
  }

  /** The first end counts: to cut a connection reports an error of its own. */
  #settle(result: PostResult | undefined): void {
    if (this.#isSettled || !result) return
    this.#isSettled = true
    this.#deadline?.cancel()
    this.#bodyDeadline?.cancel()
    this.#onEnd()
    this.#resolve(result)
  }
}
