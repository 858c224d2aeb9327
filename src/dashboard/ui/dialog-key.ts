/**
 * One Idempotency-Key for each opened dialog, which the tabs of a browser share: the same dialog in two tabs makes one
 * request. While a request is on its way, its key outlives the page: after a reload in the middle, the same dialog
 * repeats the request instead of making a second one.
 */

type Stored = {
  readonly key: string
  /** When it was made or used, in ms since 1970. */
  readonly at: number
  /** A request with it has no response yet. */
  readonly sent: boolean
}

const nameOf = (purpose: string) => `minipay.key.${purpose}`
/** A dialog that was left open longer ago, or a request whose response was lost, is another matter. */
const KEPT_MS = 15 * 60_000

function storedKey(purpose: string): Stored | undefined {
  try {
    const stored = JSON.parse(localStorage.getItem(nameOf(purpose)) ?? 'null') as Stored | null
    return stored && Math.abs(Date.now() - stored.at) < KEPT_MS ? stored : undefined
  } catch {
    return undefined
  }
}

function store(purpose: string, key: string, sent: boolean): void {
  localStorage.setItem(nameOf(purpose), JSON.stringify({ key, at: Date.now(), sent } satisfies Stored))
}

/** The key of the same dialog in another tab, or of a request whose response was never seen; otherwise a new one. */
export function keyOf(purpose: string): string {
  const known = storedKey(purpose)
  if (known) return known.key
  const key = newKey()
  store(purpose, key, false)
  return key
}

export function startRequest(purpose: string, key: string): void {
  store(purpose, key, true)
}

/** The server has responded. */
export function endRequest(purpose: string): void {
  localStorage.removeItem(nameOf(purpose))
}

/** The dialog is closed. The key of a request without a response stays. */
export function leaveDialog(purpose: string): void {
  if (storedKey(purpose)?.sent !== true) endRequest(purpose)
}

/** 128 random bits; `crypto.randomUUID` would be missing without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `dashboard-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
