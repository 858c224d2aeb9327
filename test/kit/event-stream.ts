/** A client of an event stream that may connect again. */
import assert from 'node:assert/strict'
import { messagesOf } from '../../src/cli/event-messages.ts'
import type { Event } from './client.ts'

export type Follower = {
  /** The events of all its connections, in the order in which they came. */
  readonly seen: Event[]
  /** What a paced stream skipped. */
  readonly skipped: Skipped[]
  /** The id that the next connection sends as Last-Event-ID; null before the first message. */
  lastId(): string | null
  /** Resolves with true when the server has ended the response, and with false when the connection broke. */
  readonly ended: Promise<boolean>
  /** Cuts the connection. */
  cut(): Promise<void>
}

/** The sequences between, and how many. */
export type Skipped = { readonly skipped: number; readonly after: number; readonly before: number }

type Options = { readonly headers?: Record<string, string>; readonly query?: string; readonly seen?: Event[] }

/** Connects; resolves when the response has begun. Fails if it is no stream. */
export async function follow(url: string, options: Options = {}): Promise<Follower> {
  const { headers = {}, query = '', seen = [] } = options
  const cutting = new AbortController()
  const response = await fetch(`${url}/api/v1/events/stream${query}`, { headers, signal: cutting.signal })
  assert.equal(response.status, 200, await (response.ok ? '' : response.text()))
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const skipped: Skipped[] = []
  let lastId: string | null = null
  const read = async () => {
    for await (const { id, event, data } of messagesOf(response.body ?? assert.fail())) {
      lastId = id
      begin()
      if (event === 'skipped') skipped.push(JSON.parse(data) as Skipped)
      else if (data !== '') seen.push(JSON.parse(data) as Event)
    }
    return true
  }
  const ended = read().catch(() => false)
  await Promise.race([begun, ended])
  return {
    ...{ seen, skipped },
    lastId: () => lastId,
    ended,
    async cut() {
      cutting.abort()
      await ended
    },
  }
}
