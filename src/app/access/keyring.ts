/** Finds the key of a request by its secret, without a look-up for each request. */
import type { AccessKey } from '../../domain/access/access-key.ts'
import { modeOfSecret } from '../../domain/access/key-secret.ts'
import { isWithin, type Network, networksOf } from '../../domain/access/networks.ts'
import { type Permission, permissionsOf } from '../../domain/access/permissions.ts'
import type { AccessKeyUse, AccessStore, FoundAccessKey } from '../../ports/store-access.ts'

/**
 * A key that another node revokes is refused here at most this much later, in ms; below the promised second, so that
 * the read itself has time.
 */
const FRESH_MS = 900
/** Older ones are read again while requests still use the former: so a busy key never waits for the database. */
const REFRESH_MS = 450
const MAX_KEYS = 10_000
/** No secret is this long. */
const MAX_SECRET = 64

/** A key that may be used now, and its effective permissions. */
export type Authenticated = { readonly key: AccessKey; readonly permissions: ReadonlySet<Permission> }

export type Keyring = {
  /**
   * The key of a secret, for a request from an IP address. Undefined in every case of failure: malformed, unknown,
   * revoked, expired, from another network than allowed, or its account is closed. At once if the key was read within
   * the last second, and otherwise a promise, which rejects with `StoreUnavailable` if the database is unavailable.
   * A well-formed secret that this node does not know is read only if `mayRead` returns true, and else undefined.
   */
  authenticate(
    secret: string,
    address: string,
    mayRead?: () => boolean,
  ): Authenticated | undefined | Promise<Authenticated | undefined>
  /** The same for the hash of a secret, such as that of the key of a session. */
  authenticateHash(
    hash: string,
    address: string,
  ): Authenticated | undefined | Promise<Authenticated | undefined>
  /** Whether a key was ever made: at once if so, else read at most a second ago. Rejects with `StoreUnavailable`. */
  anyKey(): boolean | Promise<boolean>
  /** Call it after each write of a key, also after a failed one: its next use reads it again. */
  forget(hash: string): void
  /** Call it after each write of an account. */
  forgetAll(): void
  /**
   * The time by which keys expire, in ms since 1970: the latest that this process has seen. It does not go back with
   * the clock, so that an expired key stays expired.
   */
  latest(): number
  /** Stores the last uses since the former call. Rejects with `StoreUnavailable`; then the next call stores them. */
  flushUses(): Promise<void>
}

export type KeyringOptions = {
  readonly store: Pick<AccessStore, 'accessKeyByHash' | 'anyAccessKey' | 'touchAccessKeys'>
  /** The store's clock, in ms since 1970. */
  readonly now: () => number
  /** The latest time that the database remembers, in ms since 1970; none unless given. */
  readonly floor?: () => number
  /** ms; nothing sets it. */
  readonly monotonic: () => number
  /** SHA-256 in hex. */
  readonly sha256: (text: string) => string
}

type Usable = Authenticated & {
  readonly networks: readonly Network[] | null
  /** Addresses that were found to be in the networks. */
  readonly addresses: Set<string>
}
type Cached = { readonly readAt: number; readonly usable: Usable }
type Loading = { readonly readAt: number; readonly run: Promise<Usable | undefined> }

export function createKeyring({ store, now, floor = () => 0, monotonic, sha256 }: KeyringOptions): Keyring {
  /** In the order in which they were read. */
  const cached = new Map<string, Cached>()
  const loading = new Map<string, Loading>()
  let uses = new Map<string, number>()
  let seen = 0
  let made: { readonly readAt: number; readonly found: boolean } | undefined
  let asking: { readonly readAt: number; readonly run: Promise<boolean> } | undefined

  function load(hash: string): Promise<Usable | undefined> {
    const before = loading.get(hash)
    // A read that hangs may have seen the row before a change, so it serves no request that comes a second later.
    if (before && monotonic() - before.readAt < FRESH_MS) return before.run
    const readAt = monotonic()
    const run = store
      .accessKeyByHash(hash)
      .then((found) => {
        const usable = usableOf(found)
        // After a write, this load may have read the former row.
        if (loading.get(hash)?.run === run) keep(hash, usable && { readAt, usable })
        return usable
      })
      .finally(() => {
        if (loading.get(hash)?.run === run) loading.delete(hash)
      })
    loading.set(hash, { readAt, run })
    return run
  }

  function ask(): Promise<boolean> {
    if (asking && monotonic() - asking.readAt < FRESH_MS) return asking.run
    const readAt = monotonic()
    const run = store
      .anyAccessKey()
      .then((found) => {
        // After a write, this read may have come too early; and a key that was made stays made.
        if (found || asking?.run === run) made = { readAt, found: found || made?.found === true }
        return found || made?.found === true
      })
      .finally(() => {
        if (asking?.run === run) asking = undefined
      })
    asking = { readAt, run }
    return run
  }

  /** Unknown and revoked keys are not kept: otherwise guesses would displace the keys in use. */
  function keep(hash: string, entry: Cached | undefined): void {
    cached.delete(hash)
    if (!entry) return
    cached.set(hash, entry)
    const [oldest] = cached.keys()
    if (cached.size > MAX_KEYS && oldest !== undefined) cached.delete(oldest)
  }

  function seeing(time: number): number {
    seen = Math.max(seen, time, floor())
    return seen
  }

  /** What changes without a write: the time, and where the request comes from. */
  function admit(usable: Usable | undefined, address: string): Authenticated | undefined {
    if (!usable) return undefined
    const { networks, addresses } = usable
    const { id, expiresAt } = usable.key
    const time = now()
    const latest = seeing(time)
    if (expiresAt !== null && expiresAt <= latest) return undefined
    if (networks !== null && !addresses.has(address)) {
      if (!isWithin(networks, address)) return undefined
      addresses.add(address)
    }
    uses.set(id, time)
    return usable
  }

  /** `mayLoad` gets whether this node knows the key, or reads it now. */
  function byHash(
    hash: string,
    address: string,
    mayLoad: (isKnown: boolean) => boolean,
  ): Authenticated | undefined | Promise<Authenticated | undefined> {
    const entry = cached.get(hash)
    const age = entry ? monotonic() - entry.readAt : Number.POSITIVE_INFINITY
    if (entry && age < FRESH_MS) {
      // A failure shows itself once the entry is too old.
      if (age >= REFRESH_MS) load(hash).catch(() => {})
      return admit(entry.usable, address)
    }
    if (!mayLoad(entry !== undefined || loading.has(hash))) return undefined
    return load(hash).then((usable) => admit(usable, address))
  }

  return {
    authenticate(secret, address, mayRead = () => true) {
      if (secret.length > MAX_SECRET) return undefined
      return byHash(
        sha256(secret),
        address,
        (isKnown) => modeOfSecret(secret) !== undefined && (isKnown || mayRead()),
      )
    },

    authenticateHash: (hash, address) => byHash(hash, address, () => true),

    anyKey() {
      if (made?.found) return true
      const age = made ? monotonic() - made.readAt : Number.POSITIVE_INFINITY
      if (age >= FRESH_MS) return ask()
      // As with a key: requests do not wait for the next read, unless it fails for too long.
      if (age >= REFRESH_MS) ask().catch(() => {})
      return false
    },

    forget(hash) {
      cached.delete(hash)
      loading.delete(hash)
      asking = undefined
      if (made?.found !== true) made = undefined
    },

    forgetAll() {
      cached.clear()
      loading.clear()
    },

    latest: () => seeing(now()),

    async flushUses() {
      if (uses.size === 0) return
      const taken = uses
      uses = new Map()
      try {
        await store.touchAccessKeys([...taken].map(([id, at]): AccessKeyUse => ({ id, at })))
      } catch (error) {
        for (const [id, at] of taken) if (!uses.has(id)) uses.set(id, at)
        throw error
      }
    },
  }
}

function usableOf(found: FoundAccessKey | undefined): Usable | undefined {
  if (!found || found.accountClosedAt !== null || found.key.revokedAt !== null) return undefined
  const { key } = found
  const networks = key.networks && networksOf(key.networks)
  return { key, permissions: permissionsOf(key, key.scope), networks, addresses: new Set() }
}
