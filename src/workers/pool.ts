import type { Background } from '../app/background.ts'
import { type Loop, type LoopOptions, startLoop } from './loop.ts'

/** `intervalMs` is the interval of the claims. */
export type PoolOptions<T> = LoopOptions & {
  /** The most pieces of work at once. */
  readonly concurrency: number
  readonly background: Background
  /** Claims up to `limit` pieces of due work. */
  readonly claim: (limit: number) => Promise<readonly T[]>
  /** Handles one. If it rejects, the work is due again when its lease ends. */
  readonly handle: (work: T) => Promise<void>
}

/** Claims due work and handles several pieces at once; a slow one occupies only its own place. */
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
