import type { Scope } from '../scope.ts'
import type { Grant } from './permissions.ts'

/**
 * The right of a program or a person to call MiniPay in one scope; "API key" on the wire and in the docs. Its secret
 * (`mp_test_…`, `mp_live_…`) is shown once, and only a hash of it is stored.
 */
export type AccessKey = Grant & {
  /** `key_…` */
  readonly id: string
  readonly scope: Scope
  /** 1 to 255 characters, for people. */
  readonly name: string
  /** SHA-256 of the whole secret, in hex. */
  readonly hash: string
  /** The secret's prefix and its last four characters, so that people recognise it. */
  readonly hint: string
  /** The address ranges (CIDR) that it may be used from; null: all. */
  readonly networks: readonly string[] | null
  /** ms since 1970, by the store's clock; from then on it is refused. Null: it does not expire. */
  readonly expiresAt: number | null
  /** ms since 1970; null unless revoked. Revoking is final. */
  readonly revokedAt: number | null
  /** The id of the key that replaces it, once it was rolled. */
  readonly rolledTo: string | null
  /** ms since 1970. */
  readonly createdAt: number
  /** The actor who made it: `key_…`, `keyless`, `cli` or `server`. */
  readonly createdBy: string
  /** ms since 1970, at most about a minute old; null until its first use. */
  readonly lastUsedAt: number | null
  /** Requests a second on each node; null: the server's setting. */
  readonly rateLimit: number | null
}

/** An account: whose charges, keys and books they are. */
export type Account = {
  /** The number in a scope. The store gives it out, counting up from 1, the operator's account. */
  readonly id: number
  /** `acct_…`, as clients see it; `acct_default` is the operator's account. */
  readonly publicId: string
  /** 1 to 255 characters, for people. */
  readonly name: string
  /** ms since 1970. */
  readonly createdAt: number
  /** ms since 1970; from then on its keys are refused. Null while it is open. */
  readonly closedAt: number | null
}
