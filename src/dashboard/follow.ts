/**
 * Receives events: by one stream for the whole page, and only while the page is visible, because a browser opens six
 * connections to a host at most. Where a proxy cuts streams, the page polls instead.
 */
import { effect, signal } from '@preact/signals'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { ApiError, api, ownHeaders, parseJson, signedOut } from './api.ts'
import { announce, live, missed } from './live.ts'
import { can } from './me.ts'
import { messageReader } from './sse.ts'

const RETRY_MS = 2_000
const POLL_MS = 5_000
const POLL_LIMIT = 100
/** How long the page polls before it tries a stream again, in polls. */
const POLLS = 12
/** A stream that ended this early, in ms, was cut by a proxy. */
const CUT_MS = 4_000

/** The last event that the page has seen; undefined before the first connection. */
let after: number | undefined

/** Follows events while the page is visible and its reader may read them. Called once. */
export function startFollowing(): void {
  const visible = signal(!document.hidden)
  document.addEventListener('visibilitychange', () => {
    visible.value = !document.hidden
  })
  effect(() => {
    const allowed = can('webhooks:read') && !signedOut.value
    live.value = !allowed ? 'off' : visible.value ? 'connecting' : 'paused'
    if (!allowed || !visible.value) return undefined
    const running = new AbortController()
    void follow(running.signal)
    return () => running.abort()
  })
}

async function follow(abort: AbortSignal): Promise<void> {
  let cuts = 0
  while (!abort.aborted) {
    const began = performance.now()
    try {
      await stream(abort)
      cuts = performance.now() - began < CUT_MS ? cuts + 1 : 0
      if (cuts >= 2) await poll(abort)
    } catch (error) {
      if (abort.aborted) return
      if (isPurged(error)) {
        after = undefined
        missed.value++
        continue
      }
      live.value = 'lost'
    }
    await pause(RETRY_MS, abort)
  }
}

function hear(events: readonly EventView[]): void {
  for (const event of events) after = Math.max(after ?? 0, event.sequence)
  if (events.length > 0) announce(events)
}

/** Resolves when the stream has ended by itself. Throws `ApiError`. */
async function stream(abort: AbortSignal): Promise<void> {
  const query = after === undefined ? '' : `?after=${after}`
  const response = await fetch(`/api/v1/events/stream${query}`, {
    ...{ signal: abort, headers: ownHeaders(true) },
  })
  if (response.status === 401) signedOut.value = true
  if (!response.ok || !response.body)
    throw new ApiError(response.status, Object(parseJson(await response.text())), undefined)
  // What failed meanwhile, such as a screen's request, is loaded again.
  if (live.value === 'lost') missed.value++
  live.value = 'live'
  const reader = messageReader()
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    hear(reader.read(text).map(({ data }) => parseJson(data) as EventView))
    const id = Number(reader.lastId() ?? Number.NaN)
    if (Number.isSafeInteger(id)) after = Math.max(after ?? 0, id)
  }
}

/** Polls for a while. Throws `ApiError`. */
async function poll(abort: AbortSignal): Promise<void> {
  live.value = 'polling'
  for (let i = 0; i < POLLS && !abort.aborted; i++) {
    const page = await api.get<{ data: EventView[] }>(
      '/events',
      { after, limit: POLL_LIMIT },
      { signal: abort },
    )
    hear(page.data)
    if (page.data.length < POLL_LIMIT) await pause(POLL_MS, abort)
  }
}

/** The database was restored, or the events after ours were deleted. */
function isPurged(error: unknown): boolean {
  return error instanceof ApiError && ['events_purged', 'cursor_invalid'].includes(error.code)
}

function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    abort.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
