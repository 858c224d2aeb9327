/**
 * One Idempotency-Key for each opened dialog, which the tabs of a browser share: the same dialog in two tabs makes one
 * request. While a request is on its way, its key outlives the page: after a reload in the middle, the same dialog
 * repeats the request instead of making a second one.
 */
import type { DialogOutcome } from './dialog-outcome.ts'

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

/** What storage refused, because it is blocked or full: it lives as long as the page. */
const unstored = new Map<string, Stored>()

function storedKey(purpose: string): Stored | undefined {
  const stored = unstored.get(purpose) ?? readStored(purpose)
  return stored && Math.abs(Date.now() - stored.at) < KEPT_MS ? stored : undefined
}

function readStored(purpose: string): Stored | null {
  try {
    return JSON.parse(localStorage.getItem(nameOf(purpose)) ?? 'null') as Stored | null
  } catch {
    return null
  }
}

function store(purpose: string, key: string, sent: boolean): void {
  const stored: Stored = { key, at: Date.now(), sent }
  try {
    localStorage.setItem(nameOf(purpose), JSON.stringify(stored))
    unstored.delete(purpose)
  } catch {
    unstored.set(purpose, stored)
  }
}

/**
 * The key of the same dialog in another tab, of one that was closed without a request, or of a request whose response was
 * never seen; otherwise a new one.
 */
export function keyOf(purpose: string): string {
  const known = storedKey(purpose)
  if (known) return known.key
  const key = newKey()
  store(purpose, key, false)
  return key
}

/** Whether a request under the key of this dialog may have been carried out, and its outcome was never seen. */
export function isUnresolved(purpose: string): boolean {
  return storedKey(purpose)?.sent ?? false
}

export function startRequest(purpose: string, key: string): void {
  store(purpose, key, true)
}

/**
 * The request ended so. Returns whether it, or an earlier one with the same key, may still have been carried out: a refusal,
 * such as of a wrong amount or a session that ended, says nothing about an earlier one. `unresolved` is whether one may.
 */
export function failRequest(purpose: string, outcome: DialogOutcome, unresolved: boolean): boolean {
  if (outcome === 'open' || (outcome === 'refused' && unresolved)) return true
  // The key of a former request stays until the reader closes the dialog that says so.
  if (outcome !== 'former') endRequest(purpose)
  return false
}

/** The outcome is known, or the reader has seen that it must be looked at: the next dialog gets another key. */
export function endRequest(purpose: string): void {
  unstored.delete(purpose)
  try {
    localStorage.removeItem(nameOf(purpose))
  } catch {
    // Blocked storage has nothing to remove.
  }
}

/** 128 random bits; `crypto.randomUUID` would be missing without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `dashboard-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
