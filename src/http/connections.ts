import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** MiniPay closes the connection of a client that reads no byte of its response for this long, in ms. */
const WRITE_TIMEOUT_MS = 30_000
/**
 * The most bytes of all responses together that clients have not read. Beyond it, MiniPay closes the connection with
 * the oldest unread response.
 */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

/** The most requests that may wait on one connection; MiniPay closes it if the client sends more. */
const MAX_WAITING = 16

export type Connections = {
  /**
   * Calls `start` once the requests before this one on its connection have their responses; for nearly all, this is
   * at once. A client may send a thousand requests in one packet and read none of the responses. One request at a
   * time, and few that wait, bound their cost.
   */
  inTurn(request: IncomingMessage, response: ServerResponse, start: () => void): void
  /** The whole response was sent: MiniPay watches the part that the client has not read. */
  responded(response: ServerResponse): void
}

/** Bounds the cost of clients that do not read. */
export function boundConnections(): Connections {
  /** Requests that wait on a connection. */
  const waiting = new WeakMap<Socket, number>()
  /** Responses that are not read yet, the oldest first. */
  const unread = new Map<ServerResponse, number>()
  let unreadBytes = 0

  function ended(response: ServerResponse): void {
    unreadBytes -= unread.get(response) ?? 0
    unread.delete(response)
  }

  return {
    inTurn({ socket }, response, start) {
      // Node gives a response its socket when its turn comes. After the last response of a connection it still parses
      // what has arrived, and hands over those requests too.
      if (response.socket) return isEnding(socket) ? undefined : start()
      const others = waiting.get(socket) ?? 0
      if (others === MAX_WAITING) return void socket.destroy()
      waiting.set(socket, others + 1)
      response.once('socket', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
        // Node has only begun to hand the socket over.
        process.nextTick(() => {
          if (!isEnding(socket)) start()
        })
      })
    },

    responded(response) {
      // The kernel has accepted nearly every response at once.
      const bytes = response.socket?.writableLength
      if (!bytes) return
      // Node's timer restarts when the peer reads a part of the waiting bytes.
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

/** Whether MiniPay has closed this connection, or sends its last bytes now. */
function isEnding(socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded
}
