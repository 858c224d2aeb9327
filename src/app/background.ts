/** Work that outlives the request or the run that began it: a stop waits for it. */
export type Background = {
  /** Adds work in progress. Its errors are its own: it should log them. */
  add(work: Promise<void>): void
  /** The number of pieces of work in progress. */
  size(): number
  /** Resolves when no work is in progress, including the work that other work began. */
  ended(): Promise<void>
}

export function createBackground(): Background {
  const ongoing = new Set<Promise<void>>()
  return {
    add(work) {
      const ended = () => void ongoing.delete(work)
      ongoing.add(work)
      work.then(ended, ended)
    },
    size: () => ongoing.size,
    async ended() {
      while (ongoing.size > 0) await Promise.allSettled(ongoing)
    },
  }
}
