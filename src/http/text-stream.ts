/** Responses that are sent as they are made, at the speed of the client. */
import type { FastifyReply } from 'fastify'

/** A client that leaves this many ms sent text unread is cut off. */
const UNREAD_MS = 10_000

export type TextStream = {
  /**
   * Sends text. Resolves once the client has read what came before, but for one buffer of the connection: so the memory
   * of a slow client is bounded. False: the stream has ended, because the client is gone or was cut off.
   */
  send(text: string): Promise<boolean>
  /** Ends the response, and leaves its connection open for further requests. */
  end(): void
  /** Closes the connection, so that the client sees that the response is not whole. */
  cut(): void
}

export type StreamOptions = {
  readonly headers: Readonly<Record<string, string>>
  /** Called once the response has ended, by either side. */
  readonly onClose: () => void
  readonly unreadMs?: number
}

/** Begins the response, with the headers that the reply has so far and these. */
export function openTextStream(
  reply: FastifyReply,
  { headers, onClose, unreadMs = UNREAD_MS }: StreamOptions,
): TextStream {
  reply.hijack()
  const { raw } = reply
  raw.once('close', onClose)
  raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...headers })
  raw.flushHeaders()
  const isOpen = () => !raw.writableEnded && !raw.destroyed
  return {
    async send(text) {
      if (!isOpen()) return false
      if (raw.write(text)) return true
      const { promise, resolve } = Promise.withResolvers<void>()
      const cut = setTimeout(() => raw.destroy(), unreadMs)
      const end = () => resolve()
      raw.once('drain', end)
      raw.once('close', end)
      await promise
      clearTimeout(cut)
      raw.off('drain', end)
      raw.off('close', end)
      return isOpen()
    },
    end() {
      if (isOpen()) raw.end()
    },
    cut() {
      if (isOpen()) raw.destroy()
    },
  }
}
