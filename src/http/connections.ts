import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The most bytes of all responses together that clients have not read. Beyond it, MiniPay closes the connection with
 * the oldest unread response.
 */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

/** The most requests that may wait on one connection; MiniPay closes it if the client sends more. */
const MAX_WAITING = 16
/** The same for all connections together: their heads and bodies wait in memory. */
const MAX_WAITING_TOGETHER = 1024

export type Bounds = {
  /** The most connections at once. */
  readonly maxConnections: number
  /** Called for each connection beyond. */
  readonly onFull: () => void
  /**
   * How long a whole request may take to arrive, and how long a client may read no byte of its response, in ms; 30 s
   * unless given.
   */
  readonly requestTimeoutMs?: number
}

export const TIMEOUT_MS = 30_000

export type Connections = {
  /** A client has connected. */
  opened(socket: Socket): void
  /**
   * Calls `start` once the requests before this one on its connection have their responses; for nearly all, this is
   * at once. A client may send a thousand requests in one packet and read none of the responses. One request at a
   * time, and few that wait, bound their cost.
   */
  inTurn(request: IncomingMessage, response: ServerResponse, start: () => void): void
  /** Whether the request that is arriving has had its response already, such as 404 before its body. */
  isAnswered(socket: Socket): boolean
  /** The whole response was sent: MiniPay watches the part that the client has not read. */
  responded(response: ServerResponse): void
}

/** A connection with Node's own references to the response that it sends now, and to the bytes that the kernel lacks. */
export type BusySocket = Socket & {
  readonly _httpMessage?: ServerResponse<IncomingMessage> | null
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/**
 * Bounds the cost of clients that do not read, and of those that send slowly or nothing. When the most connections are
 * open and one more comes, MiniPay closes the connection that has waited longest for a request, or
 * for the rest of one: first of those that never sent a whole one. So clients that hold connections for nothing keep
 * out no client that uses its connection. If all connections are at work, MiniPay closes the new one.
 */
export function boundConnections({ maxConnections, onFull, requestTimeoutMs }: Bounds): Connections {
  /** Connections without a response so far, the oldest first. */
  const unproven = new Set<BusySocket>()
  /** The others, that with the oldest response first. */
  const proven = new Set<BusySocket>()
  /** The latest response of each connection. */
  const latest = new WeakMap<Socket, ServerResponse>()
  /** Requests that wait on a connection. */
  const waiting = new WeakMap<Socket, number>()
  let waitingTogether = 0
  /** Responses that are not read yet, the oldest first. */
  const unread = new Map<ServerResponse, number>()
  let unreadBytes = 0

  function ended(response: ServerResponse): void {
    unreadBytes -= unread.get(response) ?? 0
    unread.delete(response)
  }

  function forget(socket: BusySocket): void {
    unproven.delete(socket)
    proven.delete(socket)
  }

  return {
    opened(socket) {
      if (unproven.size + proven.size >= maxConnections) {
        onFull()
        const victim = firstIdle(unproven) ?? firstIdle(proven)
        if (!victim) return void socket.destroy()
        forget(victim)
        victim.destroy()
      }
      unproven.add(socket)
      socket.once('close', () => forget(socket))
    },

    inTurn({ socket }, response, start) {
      // Node gives a response its socket when its turn comes. After the last response of a connection it still parses
      // what has arrived, and hands over those requests too.
      if (response.socket) return isEnding(socket) ? undefined : start()
      const others = waiting.get(socket) ?? 0
      if (others === MAX_WAITING || waitingTogether === MAX_WAITING_TOGETHER) return void socket.destroy()
      waiting.set(socket, others + 1)
      waitingTogether++
      if (others === 0)
        socket.once('close', () => {
          waitingTogether -= waiting.get(socket) ?? 0
        })
      response.once('socket', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
        waitingTogether--
        // Node has only begun to hand the socket over.
        process.nextTick(() => {
          if (!isEnding(socket)) start()
        })
      })
    },

    isAnswered(socket) {
      const response = latest.get(socket)
      return response !== undefined && !response.req.complete
    },

    responded(response) {
      const { socket } = response
      if (socket && !socket.destroyed) {
        latest.set(socket, response)
        forget(socket)
        proven.add(socket)
      }
      // The kernel has accepted nearly every response at once.
      const bytes = response.socket?.writableLength
      if (!bytes) return
      const stopWatching = cutOffIfUnread(socket as BusySocket, requestTimeoutMs ?? TIMEOUT_MS)
      unread.set(response, bytes)
      unreadBytes += bytes
      response.once('close', () => {
        stopWatching()
        ended(response)
      })
      for (const [oldest] of unread) {
        if (unreadBytes <= MAX_UNREAD_BYTES || oldest === response) break
        ended(oldest)
        oldest.socket?.destroy()
      }
    },
  }
}

/**
 * Closes a connection whose client reads nothing for this long. Node's own time-out of a socket would start anew with
 * each byte that the client sends. Returns a function that ends the watch.
 */
function cutOffIfUnread(socket: BusySocket, ms: number): () => void {
  const unsent = () => socket.writableLength + (socket._handle?.writeQueueSize ?? 0)
  let before = unsent()
  const timer = setInterval(() => {
    const now = unsent()
    if (now >= before) socket.destroy()
    before = now
  }, ms)
  return () => clearInterval(timer)
}

/** The first connection on which MiniPay waits for its client. */
function firstIdle(sockets: ReadonlySet<BusySocket>): BusySocket | undefined {
  for (const socket of sockets) if (!isAtWork(socket)) return socket
  return undefined
}

/** Whether a whole request has arrived, and its response is not made yet. */
function isAtWork({ _httpMessage: current }: BusySocket): boolean {
  return current?.req.complete === true && !current.writableEnded
}

/** Whether MiniPay has closed this connection, or sends its last bytes now. */
function isEnding(socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded
}
