/**
 * One Idempotency-Key for each opened dialog. While a request is on its way, the browser's tab remembers its key: after
 * a reload in the middle, the same dialog repeats the request instead of making a second one.
 */

const stored = (purpose: string) => `minipay.key.${purpose}`

/** The key of a request whose response was never seen; otherwise a new one. */
export function keyOf(purpose: string): string {
  return sessionStorage.getItem(stored(purpose)) ?? newKey()
}

export function startRequest(purpose: string, key: string): void {
  sessionStorage.setItem(stored(purpose), key)
}

/** The server has responded. */
export function endRequest(purpose: string): void {
  sessionStorage.removeItem(stored(purpose))
}

/** 128 random bits; `crypto.randomUUID` would be missing without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `dashboard-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
