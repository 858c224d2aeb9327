/** The writer's thread: whatever arrived while the last group was synced is the next group. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { openWriter } from './open.ts'
import type { WriteOp } from './ops.ts'
import { createWriter } from './writer.ts'

/** More operations than this wait for the next group: it bounds how long one transaction keeps its answers. */
const MAX_GROUP = 512

const port = parentPort as MessagePort
const db = openWriter(workerData.file)
const writer = createWriter(db)

port.on('message', (first: WriteOp[] | null) => {
  let batch = first
  for (;;) {
    if (batch === null) return close()
    let closing = false
    while (batch.length < MAX_GROUP) {
      const more = receiveMessageOnPort(port) as { message: WriteOp[] | null } | undefined
      if (!more) break
      if (more.message === null) {
        closing = true
        break
      }
      batch = batch.concat(more.message)
    }
    port.postMessage(writer.run(batch))
    if (closing) return close()
    const next = receiveMessageOnPort(port) as { message: WriteOp[] | null } | undefined
    if (!next) return
    batch = next.message
  }
})

function close(): void {
  // The last connection's close runs a checkpoint: a stopped server leaves one file behind.
  db.close()
  port.close()
}

port.postMessage('ready')
