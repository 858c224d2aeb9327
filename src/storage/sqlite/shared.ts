/** Messages between the main thread and the writer's, by their index in the shared memory. */
export const SHARED = {
  /** 1 when the writer must not write any more. */
  lost: 0,
  /**
   * The number of times that the writer began or ended to cut the WAL: odd while it does. A cut by others is a loss.
   */
  cuts: 1,
  /** 1 if the writer found that others wrote over the database: it writes no more. */
  overwritten: 2,
  /** 1 once the main thread has prepared the database: until then, the writer opens nothing. */
  prepared: 3,
} as const

export function sharedMemory(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * Object.keys(SHARED).length))
}
