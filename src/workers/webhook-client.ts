import { createRequire } from 'node:module'
import type { Dispatcher, Pool } from 'undici'
import type { DeliveryAttempt } from '../domain/delivery.ts'
import { createEgress, type Egress } from '../net/egress.ts'

/** Connection, request and answer together may take this long. */
export const DEADLINE_MS = 10_000
/** An answer's body is read only this far, so that the connection can be used again. */
const MAX_ANSWER_BYTES = 16 * 1024
/** And for so long after its head. */
const BODY_MS = 250

export type WebhookMessage = {
  readonly headers: Record<string, string>
  readonly body: string
}

export type WebhookClient = {
  /** Posts a message once. Never rejects: every failure is an attempt without an answer. */
  send(message: WebhookMessage): Promise<DeliveryAttempt>
  /** Cuts what is in flight: their attempts end without an answer. */
  destroy(): Promise<void>
}

/** A client for one target, with at most `connections` open. Redirects are not followed. */
export function webhookClient(
  target: URL,
  connections: number,
  deadlineMs: number = DEADLINE_MS,
  egress: Egress = createEgress(),
): WebhookClient {
  let pool: Pool | undefined
  // An address that is written out is never looked up, so it is checked here.
  const forbidden = egress.forbids(target.hostname)
  const path = `${target.pathname}${target.search}`
  return {
    send({ headers, body }) {
      return new Promise((resolve) => {
        if (forbidden) return resolve({ kind: 'no_answer', error: 'FORBIDDEN_ADDRESS' })
        const handler = new AttemptHandler(resolve, deadlineMs)
        try {
          pool ??= openPool(target, connections, deadlineMs, egress)
          pool.dispatch({ path, method: 'POST', headers, body }, handler)
        } catch (error) {
          handler.onResponseError(null, error as Error)
        }
      })
    },
    destroy: async () => pool?.destroy(),
  }
}

/** The HTTP client is loaded with the first webhook: a server that sends none does without its 26 MB. */
function openPool(target: URL, connections: number, deadlineMs: number, { lookup }: Egress): Pool {
  const undici = createRequire(import.meta.url)('undici') as typeof import('undici')
  return new undici.Pool(target.origin, {
    connections,
    pipelining: 1,
    connect: { timeout: deadlineMs, lookup },
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
  })
}

/**
 * The attempt ends with the answer's status line; its body is then read to a bound and thrown away. A
 * deadline that passes before the request was sent makes sure that it never will be.
 */
class AttemptHandler implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined
  #bytes = 0
  #timedOut = false
  readonly #resolve: (attempt: DeliveryAttempt) => void
  #timer: NodeJS.Timeout

  constructor(resolve: (attempt: DeliveryAttempt) => void, deadlineMs: number) {
    this.#resolve = resolve
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      // First the reason: the abort reports an error of its own at once.
      this.#resolve({ kind: 'no_answer', error: `no answer within ${deadlineMs / 1000} s` })
      this.#controller?.abort(new Error('deadline'))
    }, deadlineMs)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#timedOut) controller.abort(new Error('deadline'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return
    const [retryAfter] = [headers['retry-after']].flat()
    this.#resolve({ kind: 'answered', status, ...(retryAfter !== undefined && { retryAfter }) })
    // The status decides. A long body would keep the connection from the next webhook.
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => controller.abort(new Error('answer too long')), BODY_MS)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > MAX_ANSWER_BYTES) controller.abort(new Error('answer too long'))
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    clearTimeout(this.#timer)
    this.#resolve({ kind: 'no_answer', error: describe(error) })
  }
}

function describe(error: Error & { code?: string }): string {
  // The library's own codes say less than its words.
  const code = error.code?.startsWith('UND_') ? undefined : error.code
  return (code ?? error.message ?? 'failed').slice(0, 200)
}
