/** The keyed requests that this process is carrying out. */
import { PassingMap } from '../domain/passing-map.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Scope } from '../ports/store.ts'

export type OpenRequests<Response> = {
  /** The request with this key that runs now. */
  running(scope: Scope, key: string): Promise<unknown> | undefined
  /** Runs a request, which is visible under its key until it ends. */
  run<T>(scope: Scope, key: string, work: () => Promise<T>): Promise<T>
  /** Waits up to `ms` for the response of a request whose provider is called; undefined if none comes in time. */
  wait(scope: Scope, key: string, ms: number): Promise<Response | undefined>
  /** True while the request with this key waits for its response. */
  isWaiting(scope: Scope, key: string): boolean
  /** Passes the response to the request with this key, if it waits in this process. */
  respond(scope: Scope, key: string, response: Response): void
}

export function createOpenRequests<Response>(runtime: Pick<Runtime, 'after'>): OpenRequests<Response> {
  const running = keyed<Promise<unknown>>()
  const waiting = keyed<(response?: Response) => void>()
  return {
    running: running.get,
    run(scope, key, work) {
      const run = work()
      running.set(scope, key, run)
      const ended = () => {
        // The next request with this key may run by now.
        if (running.get(scope, key) === run) running.delete(scope, key)
      }
      run.then(ended, ended)
      return run
    },
    wait(scope, key, ms) {
      return new Promise((resolve) => {
        const end = (response?: Response) => {
          timer.cancel()
          waiting.delete(scope, key)
          resolve(response)
        }
        const timer = runtime.after(ms, end)
        waiting.set(scope, key, end)
      })
    },
    isWaiting: (scope, key) => waiting.get(scope, key) !== undefined,
    respond: (scope, key, response) => waiting.get(scope, key)?.(response),
  }
}

/** Values by scope and key. One text for both would have to be joined and hashed at each use. */
function keyed<T>() {
  const scopes = new Map<number, PassingMap<string, T>>()
  return {
    get: (scope: Scope, key: string): T | undefined => scopes.get(numberOf(scope))?.get(key),
    set(scope: Scope, key: string, value: T): void {
      const number = numberOf(scope)
      const values = scopes.get(number)
      if (values) values.set(key, value)
      else {
        const first = new PassingMap<string, T>()
        first.set(key, value)
        scopes.set(number, first)
      }
    },
    delete(scope: Scope, key: string): void {
      const number = numberOf(scope)
      const values = scopes.get(number)
      if (values?.delete(key) && values.size === 0) scopes.delete(number)
    },
  }
}

function numberOf({ accountId, mode }: Scope): number {
  return accountId * 2 + (mode === 'live' ? 1 : 0)
}
