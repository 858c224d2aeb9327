/** Sessions of the dashboard: a browser has a cookie in the place of an access key. */
import { type DashboardSession, isSessionOver, SESSION_BYTES } from '../../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { FoundSession, SessionStore } from '../../ports/store-sessions.ts'
import type { Context } from '../context.ts'
import type { Authenticated, Keyring } from './keyring.ts'

/** A session that another node ended is refused here at most this much later, in ms, as with keys. */
const FRESH_MS = 900
/** How often a use is stored, in ms. */
const TOUCH_MS = 60_000
const MAX_SESSIONS = 1_000
/** The secret of a cookie: 32 bytes in hex. */
const FORM = /^[0-9a-f]{64}$/

/** What a request that carries a cookie says of itself. */
export type SessionRequest = {
  readonly address: string
  /** Its Host, in lower case. */
  readonly host: string
  /** A person acts: the session counts as used. */
  readonly active: boolean
}

export type Sessions = {
  /**
   * Begins a session for a key that was just authenticated, and returns the secret of its cookie; undefined if the key
   * was revoked meanwhile. Rejects with `StoreUnavailable`.
   */
  begin(
    by: Authenticated,
    from: { address: string; host: string; requestId: string },
  ): Promise<string | undefined>
  /**
   * The key of a cookie: undefined if the session is unknown or has ended, or if its key may no longer be used from this
   * address; `other host` if the session began under another Host. A session that this node does not know is read only
   * if `mayRead` returns true. Rejects with `StoreUnavailable`.
   */
  find(
    secret: string,
    request: SessionRequest,
    mayRead?: () => boolean,
  ): Promise<Authenticated | 'other host' | undefined>
  /** Ends the session of a cookie. Rejects with `StoreUnavailable`. */
  end(secret: string): Promise<void>
}

type Entry = { readonly readAt: number; readonly found: FoundSession; usedAt: number; touchedAt: number }

export type SessionsOptions = Pick<Context, 'newId' | 'now'> & {
  readonly store: SessionStore
  readonly keyring: Pick<Keyring, 'authenticateHash' | 'latest'>
  readonly runtime: Pick<Runtime, 'monotonic' | 'random'>
  /** SHA-256 in hex. */
  readonly sha256: (text: string) => string
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, keyring, runtime, sha256 } = options
  /** In the order in which they were read. */
  const cached = new Map<string, Entry>()

  async function load(hash: string): Promise<Entry | undefined> {
    const before = cached.get(hash)
    if (before && runtime.monotonic() - before.readAt < FRESH_MS) return before
    const readAt = runtime.monotonic()
    const found = await store.dashboardSession(hash)
    const known = cached.get(hash)
    cached.delete(hash)
    if (!found) return undefined
    const { usedAt } = found.session
    const entry = {
      ...{ readAt, found },
      usedAt: Math.max(usedAt, known?.usedAt ?? 0),
      touchedAt: Math.max(usedAt, known?.touchedAt ?? 0),
    }
    cached.set(hash, entry)
    const [oldest] = cached.keys()
    if (cached.size > MAX_SESSIONS && oldest !== undefined) cached.delete(oldest)
    return entry
  }

  /** A use that cannot be stored now is stored with a later one. */
  function use(hash: string, entry: Entry, now: number): void {
    entry.usedAt = Math.max(entry.usedAt, now)
    if (now - entry.touchedAt < TOUCH_MS) return
    entry.touchedAt = now
    store.touchDashboardSession(hash, now).catch(() => {})
  }

  return {
    async begin(by, from) {
      const secret = newSecret(runtime)
      const now = keyring.latest()
      const session: DashboardSession = {
        ...{ hash: sha256(secret), keyId: by.key.id, host: from.host, createdAt: now, usedAt: now },
      }
      return (await store.addDashboardSession(session, entryOf(options, by, session, from)))
        ? secret
        : undefined
    },

    async find(secret, { address, host, active }, mayRead = () => true) {
      if (!FORM.test(secret)) return undefined
      const hash = sha256(secret)
      if (!cached.has(hash) && !mayRead()) return undefined
      const entry = await load(hash)
      if (!entry) return undefined
      const { session } = entry.found
      const now = keyring.latest()
      if (isSessionOver({ ...session, usedAt: entry.usedAt }, now)) return undefined
      if (session.host !== host) return 'other host'
      const by = await keyring.authenticateHash(entry.found.keyHash, address)
      if (by && active) use(hash, entry, now)
      return by
    },

    async end(secret) {
      if (!FORM.test(secret)) return
      const hash = sha256(secret)
      cached.delete(hash)
      await store.endDashboardSession(hash)
      cached.delete(hash)
    },
  }
}

function newSecret({ random }: Pick<Runtime, 'random'>): string {
  const bytes = new Uint8Array(SESSION_BYTES)
  random(bytes)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The entry of a sign-in. `verify` finds a session that has none by the first 64 bits of its hash. */
function entryOf(
  { newId, now }: Pick<SessionsOptions, 'newId' | 'now'>,
  { key }: Authenticated,
  { hash, host }: DashboardSession,
  { address, requestId }: { address: string; requestId: string },
): AuditEntry {
  const after = canonicalJson({ host, session: hash.slice(0, 16) })
  return {
    ...{ id: newId('aud'), scope: key.scope, at: now(), actor: key.id, object: key.id },
    ...{ action: 'dashboard.signed_in', before: null, after, address, requestId },
  }
}
