/** What the guard and the writer's thread tell each other at once, by its place in their shared memory. */
export const SHARED = {
  /** 1 when the writer must not write any more. */
  lost: 0,
  /** How often the writer began or ended to cut the WAL: odd while it does. What others cut is a loss. */
  cuts: 1,
  /** 1 when the writer found that others wrote over the database: it writes no more. */
  overwritten: 2,
} as const

export function sharedMemory(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * Object.keys(SHARED).length))
}
