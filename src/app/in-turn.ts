/** Requests with one Idempotency-Key run one after another in this process. */
import { type Rejection, reject } from '../domain/error.ts'
import { within } from '../ports/runtime.ts'
import type { Scope } from '../ports/store.ts'
import type { Context } from './context.ts'

type TurnContext = Pick<Context, 'requests' | 'runtime' | 'idempotencyWaitMs'>

/**
 * Runs the work of a request with a key. While another request with the key runs here, it waits for that one up to
 * `idempotencyWaitMs`; then it returns what is `recorded`, or the rejection `idempotency_key_in_progress`.
 */
export function inTurn<T>(
  context: TurnContext,
  request: { readonly scope: Scope; readonly key: string },
  work: () => Promise<T>,
  recorded: () => Promise<T | undefined>,
): Promise<T | Rejection> {
  const { requests } = context
  const run = () => requests.run(request.scope, request.key, work)
  const twin = requests.running(request.scope, request.key)
  return twin ? after(twin, context, run, recorded) : run()
}

async function after<T>(
  twin: Promise<unknown>,
  context: TurnContext,
  run: () => Promise<T>,
  recorded: () => Promise<T | undefined>,
): Promise<T | Rejection> {
  if (await endsWithin(context, twin)) return run()
  return (
    (await recorded()) ??
    reject(
      'idempotency_key_in_progress',
      'The first request with this Idempotency-Key is still running. Retry in a moment.',
    )
  )
}

function endsWithin(
  { runtime, idempotencyWaitMs }: TurnContext,
  running: Promise<unknown>,
): Promise<boolean> {
  const settled = running.then(
    () => true,
    () => true,
  )
  return within(runtime, idempotencyWaitMs, settled, false)
}
