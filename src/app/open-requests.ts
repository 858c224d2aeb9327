/** The keyed requests that this process is carrying out. */
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
  const running = new Map<string, Promise<unknown>>()
  const waiting = new Map<string, (response: Response) => void>()
  return {
    running: (scope, key) => running.get(nameOf(scope, key)),
    run(scope, key, work) {
      const name = nameOf(scope, key)
      const run = work()
      running.set(name, run)
      const ended = () => {
        // The next request with this key may run by now.
        if (running.get(name) === run) running.delete(name)
      }
      run.then(ended, ended)
      return run
    },
    wait(scope, key, ms) {
      const name = nameOf(scope, key)
      return new Promise((resolve) => {
        const end = (response?: Response) => {
          timer.cancel()
          waiting.delete(name)
          resolve(response)
        }
        const timer = runtime.after(ms, end)
        waiting.set(name, end)
      })
    },
    isWaiting: (scope, key) => waiting.has(nameOf(scope, key)),
    respond: (scope, key, response) => waiting.get(nameOf(scope, key))?.(response),
  }
}

function nameOf({ accountId, mode }: Scope, key: string): string {
  return `${accountId}/${mode}/${key}`
}
