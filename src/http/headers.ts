/**
 * The headers of every response. Responses contain payments: caches must not keep them, pages must not frame them or
 * load them as their own, browsers must not guess their type. The set is that of `@fastify/helmet`, without the headers
 * that only browsers of the past know.
 */
export const COMMON_HEADERS = {
  'cache-control': 'no-store',
  // The reference page has a policy of its own. Other responses are no pages.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** The same as text, for responses to what is no request. */
export const COMMON_HEADER_LINES = Object.entries(COMMON_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

/** For a year, a browser that reached MiniPay by https uses nothing else (RFC 6797). */
export const TRANSPORT_SECURITY = 'max-age=31536000'
