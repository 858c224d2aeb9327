/** Finds out who makes each request. */
import { refusalOfHost, refusalOfOrigin } from '../http/browsers.ts'
import type { Authenticate } from '../http/caller.ts'
import type { AllowedOrigins } from '../http/origins.ts'
import { keylessCaller } from './caller.ts'

export type AuthenticateOptions = {
  /** The server can be reached from this machine alone. */
  readonly onLoopback: boolean
  readonly allowedOrigins: AllowedOrigins
}

/** Authenticates requests: so far none needs a key. */
export function createAuthenticate({ onLoopback, allowedOrigins }: AuthenticateOptions): Authenticate {
  return (request, permission) =>
    permission === null
      ? keylessCaller(request)
      : (refusalOfHost(request, onLoopback ? 'loopback' : 'local', allowedOrigins) ??
        refusalOfOrigin(request, allowedOrigins) ??
        keylessCaller(request))
}
