/**
 * What a server may do wrong, loaded before it by `npm run soak -- --sabotage memory`: a soak that finds nothing wrong
 * then is no good.
 */
import { openSync } from 'node:fs'
import { Server } from 'node:http'
import { isMainThread } from 'node:worker_threads'

const BUFFER_BYTES = 16 * 1024
const REQUESTS_A_DESCRIPTOR = 50
const PAUSE_MS_A_REQUEST = 0.02

let requests = 0
const kept: Buffer[] = []

/** What is done at each request, by name. */
export const SABOTAGES: Readonly<Record<string, () => void>> = {
  memory: () => void kept.push(Buffer.alloc(BUFFER_BYTES, 1)),
  descriptors: () => {
    if (requests % REQUESTS_A_DESCRIPTOR === 0) openSync('/dev/null', 'r')
  },
  pauses: () => {
    if (requests % REQUESTS_A_DESCRIPTOR !== 0) return
    for (const until = performance.now() + requests * PAUSE_MS_A_REQUEST; performance.now() < until; );
  },
}

const sabotage = SABOTAGES[process.env['SABOTAGE'] ?? '']
if (isMainThread && sabotage) {
  const emit = Server.prototype.emit
  Server.prototype.emit = function (event: string, ...values: unknown[]) {
    if (event === 'request') {
      requests++
      sabotage()
    }
    return emit.call(this, event, ...values)
  }
}
