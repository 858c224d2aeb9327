/** Responses of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { FastifyReply } from 'fastify'
import { onDeparture } from './departure.ts'
import { openTextStream, type TextStream } from './text-stream.ts'

export type EventStream = Pick<TextStream, 'send' | 'end'>

/** Begins the response; `onClose` is called once it has ended, by either side, or its client has left. */
export function openEventStream(reply: FastifyReply, onClose: () => void, unreadMs?: number): EventStream {
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    // nginx and others would keep events until their buffer is full.
    'x-accel-buffering': 'no',
  }
  let isGone = false
  const stopListening = onDeparture(reply.raw, () => {
    isGone = true
    onClose()
  })
  // Its connection may carry further requests.
  const bounds = { ...(unreadMs !== undefined && { unreadMs }), onClose: stopListening }
  const { send, end } = openTextStream(reply, { headers, ...bounds })
  return { send: async (text) => !isGone && send(text), end }
}
