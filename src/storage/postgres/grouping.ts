import { StoreUnavailable } from '../../ports/store.ts'

/** Writes that may wait before new ones are refused, and the characters of JSON in them. */
const MAX_WAITING = 10_000
const MAX_WAITING_CHARACTERS = 100_000_000

/** The result of one item: its value, its own failure, or that it moves to the next group. */
export type Ended<R> = { readonly value: R } | { readonly error: Error } | 'next'

export type Grouping<T, R> = {
  add(item: T, characters?: number): Promise<R>
  waiting(): number
  /** Refuses new items; resolves when all earlier ones have ended. */
  close(): Promise<void>
}

type Options<T, R> = {
  /** The most items of a group. */
  readonly largest: number
  /** The most groups in progress at once. */
  readonly concurrency: number
  /** The fewest items of a group that begins while another one is in progress. */
  readonly leastBeside: number
  /** A group that has been in progress for this long no longer keeps the next one waiting, in ms. */
  readonly patienceMs: number
  /** Settles every item of a group, in order. If it rejects, every item fails with that error. */
  readonly run: (items: readonly T[]) => Promise<readonly Ended<R>[]>
}

type Waiting<T, R> = {
  readonly item: T
  readonly characters: number
  readonly resolve: (value: R) => void
  readonly reject: (error: Error) => void
}

/**
 * All items that arrive while a group is in progress go into the next group. It begins when the former ends, when it is as
 * large as the former, or when the former takes long, because it waits for a lock or for a slow disk. If it began at once,
 * groups would be smaller, and each item would cost more.
 */
export function createGrouping<T, R>({
  largest,
  concurrency,
  leastBeside,
  patienceMs,
  run,
}: Options<T, R>): Grouping<T, R> {
  let queue: Waiting<T, R>[] = []
  let count = 0
  let characters = 0
  let running = 0
  /** Of those in progress, the groups for which the next one waits. */
  let prompt = 0
  /** The items of the group that began last. */
  let newest = 0
  let scheduled = false
  let closing = false
  let drained = () => {}

  /** Items that arrive in one turn of the event loop form one group. */
  function schedule(): void {
    if (scheduled || !mayStart()) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      while (mayStart()) void start()
    })
  }

  function mayStart(): boolean {
    if (running >= concurrency || queue.length === 0) return false
    return prompt === 0 || queue.length >= Math.min(Math.max(newest, leastBeside), largest)
  }

  async function start(): Promise<void> {
    const group = queue.slice(0, largest)
    queue = queue.slice(largest)
    running++
    newest = group.length
    prompt++
    let late = false
    const timer = setTimeout(() => {
      late = true
      prompt--
      schedule()
    }, patienceMs)
    try {
      const ended = await run(group.map(({ item }) => item))
      const next: Waiting<T, R>[] = []
      for (const [i, waiting] of group.entries()) {
        const end = ended[i]
        if (end === 'next' || end === undefined) next.push(waiting)
        else settle(waiting, end)
      }
      queue = [...next, ...queue]
    } catch (error) {
      for (const waiting of group) settle(waiting, { error: error as Error })
    } finally {
      clearTimeout(timer)
      running--
      if (!late) prompt--
      if (count === 0) drained()
      schedule()
    }
  }

  function settle(waiting: Waiting<T, R>, end: Exclude<Ended<R>, 'next'>): void {
    count--
    characters -= waiting.characters
    if ('error' in end) waiting.reject(end.error)
    else waiting.resolve(end.value)
  }

  return {
    add(item, size = 0) {
      if (closing) return Promise.reject(new StoreUnavailable('closing', 'The database is closed.'))
      if (count >= MAX_WAITING || characters + size > MAX_WAITING_CHARACTERS)
        return Promise.reject(
          new StoreUnavailable('overloaded', 'Too many writes are waiting for the database.'),
        )
      count++
      characters += size
      const { promise, resolve, reject } = Promise.withResolvers<R>()
      queue.push({ item, characters: size, resolve, reject })
      schedule()
      return promise
    },
    waiting: () => count,
    close() {
      closing = true
      if (count === 0) return Promise.resolve()
      return new Promise((resolve) => {
        drained = resolve
      })
    },
  }
}
