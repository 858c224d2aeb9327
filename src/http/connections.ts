import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A client that takes no byte of its answer for so long is cut off, in ms. */
const WRITE_TIMEOUT_MS = 30_000
/** What clients have not taken yet of all answers together, in bytes. Past it the oldest unread answer is cut off. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

/** Requests that may wait on one connection for those before them; a client that sends more is cut off. */
const MAX_WAITING = 16

export type Connections = {
  /**
   * Calls `start` when the requests before this one on its connection are answered, which for nearly all is at once.
   * A client may send a thousand requests in one packet and read none of the answers: one at a time, and few that
   * wait, bound what they cost.
   */
  inTurn(request: IncomingMessage, response: ServerResponse, start: () => void): void
  /** The whole of an answer was sent: what its client has not taken of it is watched. */
  answered(response: ServerResponse): void
}

/** Keeps what clients that do not read can cost within bounds. */
export function boundConnections(): Connections {
  /** Requests that wait on a connection. */
  const waiting = new WeakMap<Socket, number>()
  /** Answers that are not taken yet, the oldest first. */
  const unread = new Map<ServerResponse, number>()
  let unreadBytes = 0

  function ended(response: ServerResponse): void {
    unreadBytes -= unread.get(response) ?? 0
    unread.delete(response)
  }

  return {
    inTurn({ socket }, response, start) {
      // Node gives a response its socket in its turn, and none behind the last answer of a connection.
      if (response.socket) return start()
      const others = waiting.get(socket) ?? 0
      if (others === MAX_WAITING) return void socket.destroy()
      waiting.set(socket, others + 1)
      response.once('socket', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
        // Node has only begun to hand the socket over.
        process.nextTick(() => {
          if (!socket.destroyed) start()
        })
      })
    },

    answered(response) {
      // The kernel has taken nearly every answer at once.
      const bytes = response.socket?.writableLength
      if (!bytes) return
      // Node's timer starts again whenever the peer takes some of what waits to be written.
      response.socket?.setTimeout(WRITE_TIMEOUT_MS)
      unread.set(response, bytes)
      unreadBytes += bytes
      response.once('close', () => ended(response))
      for (const [oldest] of unread) {
        if (unreadBytes <= MAX_UNREAD_BYTES || oldest === response) break
        ended(oldest)
        oldest.socket?.destroy()
      }
    },
  }
}
