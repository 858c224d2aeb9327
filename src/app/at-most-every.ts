/** Shares the result of a read between those who want it within a while. */
import type { Runtime } from '../ports/runtime.ts'

/** Calls `read` at most once in `ms` and otherwise returns its last result; a failed read is not kept. */
export function atMostEvery<T>(
  ms: number,
  { monotonic }: Pick<Runtime, 'monotonic'>,
  read: () => Promise<T>,
): () => Promise<T> {
  let last: { readonly at: number; readonly run: Promise<T> } | undefined
  return () => {
    if (last && monotonic() - last.at < ms) return last.run
    const mine = { at: monotonic(), run: read() }
    last = mine
    mine.run.catch(() => {
      if (last === mine) last = undefined
    })
    return mine.run
  }
}
