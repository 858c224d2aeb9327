import type { Background } from '../app/background.ts'
import { type Loop, type LoopOptions, startLoop } from './loop.ts'

/** `intervalMs` is how often due work is looked for. */
export type PoolOptions<T> = LoopOptions & {
  /** Pieces of work that are done at once. */
  readonly concurrency: number
  readonly background: Background
  /** Claims up to `limit` pieces of due work. */
  readonly claim: (limit: number) => Promise<readonly T[]>
  /** Does one. When it rejects, the lease brings the work back. */
  readonly handle: (work: T) => Promise<void>
}

/** Claims due work and does it, several pieces at once; a slow one holds up only its own place. */
export function startPool<T>(options: PoolOptions<T>): Loop {
  const { name, concurrency, log, background, claim, handle } = options
  let working = 0

  async function run(work: T): Promise<void> {
    working++
    try {
      await handle(work)
    } catch (error) {
      log.warn(
        { worker: name, err: error },
        'A background task failed; MiniPay retries it when its lease ends.',
      )
    }
    working--
    if (moreDue) loop.wake()
  }

  let moreDue = false
  const loop = startLoop(options, async () => {
    const limit = concurrency - working
    if (limit === 0) return
    const claimed = await claim(limit)
    moreDue = claimed.length === limit
    for (const work of claimed) background.add(run(work))
  })
  return loop
}
