import type { DeliveryAttempt } from '../domain/delivery.ts'
import type { Egress } from '../net/egress.ts'
import { httpClient } from '../net/http-client.ts'
import type { Runtime } from '../ports/runtime.ts'

/** Time-out for connection, request and response together, in ms. */
export const DEADLINE_MS = 10_000
/** The client reads this much of a response's body, for this long after its head, and discards it. */
const DISCARD = { maxBodyBytes: 16 * 1024, discardMs: 250 }

export type WebhookMessage = {
  readonly headers: Record<string, string>
  readonly body: string
}

export type WebhookClient = {
  /** The receiver's host and port, such as `shop.example:8443`, for the log: the path may contain a secret. */
  readonly host: string
  /** Posts a message once. Never rejects: every failure is an attempt without a response. */
  send(message: WebhookMessage): Promise<DeliveryAttempt>
  /** Cuts the requests in flight: their attempts end without a response. */
  destroy(): Promise<void>
}

export type WebhookClientOptions = {
  readonly target: URL
  /** The most connections that are open at once. */
  readonly connections: number
  readonly runtime: Pick<Runtime, 'after'>
  /** `DEADLINE_MS` unless given. */
  readonly deadlineMs?: number
  /** The allowed addresses; unless given, all but special-purpose addresses. */
  readonly egress?: Egress
}

/** A client for one target. The status of a response decides; redirects are not followed. */
export function webhookClient(options: WebhookClientOptions): WebhookClient {
  const { target, connections, runtime, deadlineMs = DEADLINE_MS, egress } = options
  const timing = { ...DISCARD, connectTimeoutMs: deadlineMs }
  const http = httpClient(target, connections, { ...timing, http2: true, ...(egress && { egress }) })
  const path = `${target.pathname}${target.search}`
  return {
    host: target.host,
    async send({ headers, body }) {
      const deadline = new AbortController()
      const timer = runtime.after(deadlineMs, () => deadline.abort())
      const result = await http.send({ method: 'POST', path, headers, body }, deadline.signal)
      timer.cancel()
      if (result.kind !== 'response')
        return {
          kind: 'no_answer',
          error: deadline.signal.aborted ? `no response within ${deadlineMs / 1000} s` : result.reason,
        }
      const [retryAfter] = [result.headers['retry-after']].flat()
      return { kind: 'response', status: result.status, ...(retryAfter !== undefined && { retryAfter }) }
    },
    destroy: () => http.close(),
  }
}
