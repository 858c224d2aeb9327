import type { Log } from './log.ts'

/** A slower request is logged at `info`, in ms. */
const SLOW_MS = 1_000

type Served = {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly ms: number
  readonly waited: boolean
  readonly requestId: string
  readonly client: { readonly address: string }
  readonly caller:
    | {
        readonly scope: { readonly accountId: number; readonly mode: string }
        readonly actor: string
      }
    | undefined
}

/**
 * Logs a line for each request at `level`, and at `info` those that failed with 5xx or took long without waiting on purpose: who sent it from
 * where, what it was, and how it ended. Never a body, a header, a query, or an id of a path.
 */
export function accessLogger(log: Log, level: 'debug' | 'info' | 'off'): (served: Served) => void {
  const each = level !== 'off' && log.isLevelEnabled(level) ? level : undefined
  return (served) => {
    const wanted = served.status >= 500 || (served.ms > SLOW_MS && !served.waited) ? 'info' : each
    if (wanted === undefined) return
    const { method, route, status, ms, requestId, client, caller } = served
    log[wanted](
      {
        ...{ method, route, status, ms: Math.round(ms), request_id: requestId, address: client.address },
        ...(caller && { actor: caller.actor, account: caller.scope.accountId, mode: caller.scope.mode }),
      },
      'Request finished.',
    )
  }
}
