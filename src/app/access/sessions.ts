/** Sessions of the dashboard: a browser has a cookie and a proof in the place of an access key. */
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
/** The secret of a cookie, or a proof: 32 bytes in hex. */
const FORM = /^[0-9a-f]{64}$/

/** What a request that carries a cookie says of itself. */
export type SessionRequest = {
  readonly address: string
  /** Its Host, in lower case. */
  readonly host: string
  /** The page's proof; undefined without one. */
  readonly proof: string | undefined
  /** A person acts: the session counts as used. */
  readonly active: boolean
}

/** Where a person signs in: the IP address, the Host in lower case, and the browser in words. */
export type SignInPlace = {
  readonly address: string
  readonly host: string
  readonly browser: string | null
  readonly requestId: string
}

/** The two secrets of a session: that of its cookie, and the proof, which its page keeps. Neither is of use alone. */
export type SessionSecrets = { readonly cookie: string; readonly proof: string }

/** A session that serves a request: its id, and its key. */
export type UsableSession = { readonly id: string; readonly by: Authenticated }

export type Sessions = {
  /**
   * Begins a session for a key that was just authenticated; undefined if the key was revoked meanwhile. Rejects with
   * `StoreUnavailable`.
   */
  begin(by: Authenticated, from: SignInPlace): Promise<SessionSecrets | undefined>
  /**
   * The session of a cookie: undefined if it is unknown or has ended, or if its key may no longer be used from this
   * address; `other host` if it began under another Host; `no proof` if the request lacks its proof. Only a request that
   * is served counts as a use. A session that this node does not know is read only if `mayRead` returns true. Rejects
   * with `StoreUnavailable`.
   */
  find(
    secret: string,
    request: SessionRequest,
    mayRead?: () => boolean,
  ): Promise<UsableSession | 'other host' | 'no proof' | undefined>
  /**
   * Ends the session of a cookie. False, and it does not end, if the proof is not its own; true also for a cookie without
   * a session. Rejects with `StoreUnavailable`.
   */
  end(secret: string, proof: string | undefined): Promise<boolean>
  /** Call it after another write has deleted the session with this hash of its secret. */
  forget(hash: string): void
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
      const [cookie, proof] = [newSecret(runtime), newSecret(runtime)]
      const now = keyring.latest()
      const { address, host, browser } = from
      const session: DashboardSession = {
        ...{ id: options.newId('ses'), hash: sha256(cookie), proofHash: sha256(proof), keyId: by.key.id },
        ...{ host, address, browser, createdAt: now, usedAt: now },
      }
      const stored = await store.addDashboardSession(session, entryOf(options, by, session, from))
      return stored ? { cookie, proof } : undefined
    },

    async find(secret, { address, host, proof, active }, mayRead = () => true) {
      if (!FORM.test(secret)) return undefined
      const hash = sha256(secret)
      if (!cached.has(hash) && !mayRead()) return undefined
      const entry = await load(hash)
      if (!entry) return undefined
      const { session } = entry.found
      const now = keyring.latest()
      if (isSessionOver({ ...session, usedAt: entry.usedAt }, now)) return undefined
      if (session.host !== host) return 'other host'
      if (!proves(proof, session)) return 'no proof'
      const by = await keyring.authenticateHash(entry.found.keyHash, address)
      if (!by) return undefined
      if (active) use(hash, entry, now)
      return { id: session.id, by }
    },

    async end(secret, proof) {
      if (!FORM.test(secret)) return true
      const hash = sha256(secret)
      const found = await store.dashboardSession(hash)
      if (found && !proves(proof, found.session)) return false
      cached.delete(hash)
      await store.endDashboardSession(hash)
      cached.delete(hash)
      return true
    },

    forget: (hash) => void cached.delete(hash),
  }

  /** Compares hashes in a time that does not depend on them. */
  function proves(proof: string | undefined, { proofHash }: DashboardSession): boolean {
    if (proof === undefined || !FORM.test(proof)) return false
    const hash = sha256(proof)
    let differences = hash.length ^ proofHash.length
    for (let i = 0; i < hash.length; i++) differences |= hash.charCodeAt(i) ^ proofHash.charCodeAt(i)
    return differences === 0
  }
}

function newSecret({ random }: Pick<Runtime, 'random'>): string {
  const bytes = new Uint8Array(SESSION_BYTES)
  random(bytes)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The entry of a sign-in. `verify` finds a session that has none by the first 64 bits of its hashes. */
function entryOf(
  { newId, now }: Pick<SessionsOptions, 'newId' | 'now'>,
  { key }: Authenticated,
  { id, hash, proofHash, host, browser }: DashboardSession,
  { address, requestId }: SignInPlace,
): AuditEntry {
  const fingerprints = { session: hash.slice(0, 16), proof: proofHash.slice(0, 16) }
  const after = canonicalJson({ id, host, browser, ...fingerprints })
  return {
    ...{ id: newId('aud'), scope: key.scope, at: now(), actor: key.id, object: key.id },
    ...{ action: 'dashboard.signed_in', before: null, after, address, requestId },
  }
}
