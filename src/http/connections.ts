import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A client that takes no byte of its answer for so long is cut off, in ms. */
const WRITE_TIMEOUT_MS = 30_000
/** What clients have not taken yet of all answers together, in bytes. Past it the oldest unread answer is cut off. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024

export type Connections = {
  /**
   * Calls `start` when the requests before this one on its connection are answered, which for nearly all is at once.
   * A client may send a thousand requests in one packet and read none of the answers: one at a time bounds what
   * they cost.
   */
  inTurn(request: IncomingMessage, response: ServerResponse, start: () => void): void
  /** An answer of so many bytes is being sent. */
  answering(response: ServerResponse, bytes: number): void
}

type Queue = { busy: boolean; readonly waiting: (() => void)[] }

/** Keeps what clients that do not read can cost within bounds. */
export function boundConnections(): Connections {
  const queues = new WeakMap<Socket, Queue>()
  /** Answers that are not taken yet, the oldest first. */
  const unread = new Map<ServerResponse, number>()
  let unreadBytes = 0

  function queueOf(socket: Socket): Queue {
    let queue = queues.get(socket)
    if (!queue) {
      queue = { busy: false, waiting: [] }
      queues.set(socket, queue)
    }
    return queue
  }

  function ended(response: ServerResponse): void {
    unreadBytes -= unread.get(response) ?? 0
    unread.delete(response)
  }

  return {
    inTurn({ socket }, response, start) {
      const queue = queueOf(socket)
      const run = () => {
        queue.busy = true
        response.once('close', () => {
          ended(response)
          // Behind the last answer of a connection nothing is begun any more.
          if (socket.destroyed || !response.shouldKeepAlive) return
          queue.busy = false
          queue.waiting.shift()?.()
        })
        start()
      }
      if (queue.busy) queue.waiting.push(run)
      else run()
    },

    answering(response, bytes) {
      // Node's timer starts again whenever the peer takes some of what waits to be written.
      response.socket?.setTimeout(WRITE_TIMEOUT_MS)
      unread.set(response, bytes)
      unreadBytes += bytes
      for (const [oldest] of unread) {
        if (unreadBytes <= MAX_UNREAD_BYTES || oldest === response) break
        ended(oldest)
        oldest.socket?.destroy()
      }
    },
  }
}
