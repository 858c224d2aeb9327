/** Responses of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { FastifyReply } from 'fastify'

/** A client that leaves this many ms sent text unread is cut off. */
const UNREAD_MS = 10_000

export type EventStream = {
  /**
   * Sends text. Resolves once the client has read what came before, but for one buffer of the connection: so the memory
   * of a slow client is bounded. False: the stream has ended, because the client is gone or was cut off.
   */
  send(text: string): Promise<boolean>
  /** Ends the response, and leaves its connection open for further requests. */
  end(): void
}

/** Begins the response; `onClose` is called once it has ended, by either side. */
export function openEventStream(
  reply: FastifyReply,
  onClose: () => void,
  unreadMs: number = UNREAD_MS,
): EventStream {
  reply.hijack()
  const { raw } = reply
  raw.once('close', onClose)
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    // nginx and others would keep events until their buffer is full.
    'x-accel-buffering': 'no',
  })
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
  }
}
