/** Who makes a request, and what the request may do. */
import type { FastifyRequest } from 'fastify'
import type { Permission } from '../domain/access/permissions.ts'
import type { Actor } from '../domain/audit.ts'
import type { Scope } from '../domain/scope.ts'
import type { Refusal } from './errors.ts'

export type Caller = {
  /** The account and mode that the request acts in. It sees nothing of other scopes. */
  readonly scope: Scope
  /** The id of the API key, or `keyless`. */
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  /** Null for a request without a key. */
  readonly keyId: string | null
  /** The id of the session of the dashboard that has the key. */
  readonly sessionId?: string
  /** Requests a second that the key may make; null: as configured for all keys. */
  readonly rateLimit: number | null
  /** The IP address of the client. */
  readonly address: string
  readonly requestId: string
}

/**
 * What a caller needs for an endpoint: a permission; `any`: to be authenticated, with any permissions; null: nothing, not
 * even a key.
 */
export type Need = Permission | 'any' | null

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body of the request is read. */
    caller: Caller
  }
  interface FastifyContextConfig {
    readonly permission?: Need
  }
}

/**
 * Finds out who makes a request to an endpoint with this need, or why MiniPay does not serve it. Rejects with
 * `StoreUnavailable`. Returns at once where it can, because every request waits for it.
 */
export type Authenticate = (
  request: FastifyRequest,
  permission: Need,
) => Caller | Refusal | Promise<Caller | Refusal>

export function isRefusal(found: Caller | Refusal): found is Refusal {
  return 'status' in found
}
