import { randomFillSync, randomUUID } from 'node:crypto'
import type { Runtime } from '../ports/runtime.ts'

/** The runtime of a Node.js process. Its timers keep the process alive until they fire or are canceled. */
export const nodeRuntime: Runtime = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  nextTurn: (action) => void setImmediate(action),
  random: (bytes) => void randomFillSync(bytes),
  uuid: randomUUID,
}
