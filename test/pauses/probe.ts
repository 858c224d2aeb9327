/**
 * Preloaded into a server (`--import`): measures the longest pause of its event loop as CPU time of the main thread, which
 * a loaded machine inflates far less than time on the clock. Between a line `begin` and a line `end` on the socket that
 * PAUSES_SOCKET names it notes the CPU time of every turn; it answers each line with the longest so far, in ms.
 */
import { createServer } from 'node:net'
import { isMainThread } from 'node:worker_threads'

let measuring = false
let longestMs = 0
let before = 0

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function note(): void {
  const now = cpuMs()
  longestMs = Math.max(longestMs, now - before)
  before = now
}

/** Once in each turn of the loop: it spins meanwhile, so that no turn is missed. */
function turn(): void {
  if (!measuring) return
  note()
  setImmediate(turn)
}

const path = process.env['PAUSES_SOCKET']
if (isMainThread && path !== undefined)
  createServer((socket) => {
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('data', (line) => {
      if (line === 'begin\n') {
        measuring = true
        longestMs = 0
        before = cpuMs()
        setImmediate(turn)
      } else {
        // The last turn is not over when its answer is there already.
        note()
        measuring = false
      }
      socket.write(`${longestMs}\n`)
    })
  })
    .listen(path)
    .unref()
