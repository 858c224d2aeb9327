/** Web pages of other origins: which may call the API, and what tells their browsers so. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Origins, such as `https://shop.example`, whose pages may call the API; or every origin. */
export type AllowedOrigins = ReadonlySet<string> | 'every'

const EXPOSED_HEADERS = 'Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id'

/** Whether pages of the origin may call the API. */
export function isAllowed(allowed: AllowedOrigins, origin: string): boolean {
  return allowed === 'every' || allowed.has(origin)
}

/** Lets pages of an allowed origin read the response; without these headers, browsers hide it from them. */
export function setCorsHeaders(
  allowed: AllowedOrigins,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): void {
  // Caches must not show one origin the response to another.
  if (allowed !== 'every' && allowed.size > 0) reply.header('vary', 'Origin')
  const { origin } = headers
  if (origin === undefined || !isAllowed(allowed, origin)) return
  reply.header('access-control-allow-origin', allowed === 'every' ? '*' : origin)
  reply.header('access-control-expose-headers', EXPOSED_HEADERS)
}

/** Hides the response from pages of other origins again. */
export function removeCorsHeaders(reply: FastifyReply): FastifyReply {
  return reply.removeHeader('access-control-allow-origin').removeHeader('access-control-expose-headers')
}

/** The response to OPTIONS. A browser sends a page's request only if the response allows it. */
export function sendPreflight(
  allowed: AllowedOrigins,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): void {
  const { origin } = headers
  if (origin !== undefined && isAllowed(allowed, origin))
    reply
      .header('access-control-allow-methods', 'POST, OPTIONS, GET, PUT, PATCH, DELETE')
      .header(
        'access-control-allow-headers',
        'Content-Type, Authorization, Idempotency-Key, X-Request-Id, Last-Event-ID',
      )
      .header('access-control-max-age', '86400')
  reply.code(204).send()
}
