/** A counter that tests can wait for. */
export type Progress = {
  readonly value: number
  add(): void
  /** Resolves when the counter reaches this number. */
  reached(count: number): Promise<void>
}

export function progress(): Progress {
  let value = 0
  let waiting: { count: number; go: () => void }[] = []
  return {
    get value() {
      return value
    },
    add() {
      value++
      const ready = waiting.filter(({ count }) => count <= value)
      if (ready.length === 0) return
      waiting = waiting.filter(({ count }) => count > value)
      for (const { go } of ready) go()
    },
    reached(count) {
      if (count <= value) return Promise.resolve()
      return new Promise((go) => waiting.push({ count, go }))
    },
  }
}

/** Runs tasks, at most `most` at once; the others wait in order. */
export function limiter(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = most
  const line: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((go) => line.push(go))
    try {
      return await work()
    } finally {
      const next = line.shift()
      if (next) next()
      else free++
    }
  }
}
