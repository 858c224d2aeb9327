/**
 * Receives events: by one stream for the whole page, and only while the page is visible, because a browser opens six
 * connections to a host at most. Where a proxy cuts streams, or MiniPay has no place for one, the page polls instead.
 */
import { effect, signal } from '@preact/signals'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { ApiError, addressOf, api, ownHeaders, parseJson, respond, signedOut } from './api.ts'
import { earliest } from './attention.ts'
import { announce, announceSkipped, heard, live, missed, newestSequence } from './live.ts'
import { can } from './me.ts'
import type { ListPage } from './resource-types.ts'
import { messageReader } from './sse.ts'

/** A person reads no more: of more events a second MiniPay sends the newest, and says that it skipped the others. */
const PACE = { pace: 1_000, newest: 50 }
/** After skipped events, what is shown is read again this late, in ms, or up to half as late again: pages take turns. */
const SKIPPED_MS = 2_000
const RETRY_MS = 2_000
const POLL_MS = 5_000
const POLL_LIMIT = 100
/** How long the page polls before it tries a stream again, in polls. */
const POLLS = 12
/** A stream that ended this early, in ms, was cut by a proxy. */
const CUT_MS = 4_000
/** A stream that is silent for so long, in ms, is dead, as after sleep: MiniPay sends something every 15 s. */
const SILENT_MS = 45_000
/** Screens that are so many events behind are loaded again, in place of hearing all of them. */
const FAR = 1_000

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
  const lose = (error: unknown) => {
    if (abort.aborted) return
    if (isPurged(error)) heard.after = undefined
    else live.value = 'lost'
  }
  while (!abort.aborted) {
    const began = performance.now()
    let polls = false
    try {
      await begin(abort)
      await stream(abort)
      cuts = performance.now() - began < CUT_MS ? cuts + 1 : 0
      polls = cuts >= 2
    } catch (error) {
      polls = isFull(error)
      if (!polls) lose(error)
    }
    if (polls && !abort.aborted) await poll(abort).catch(lose)
    await pause(RETRY_MS, abort)
  }
}

/** Begins with the newest event where the page's last one is unknown, or far behind. Throws `ApiError`. */
async function begin(abort: AbortSignal): Promise<void> {
  const newest = await newestSequence(abort)
  if (heard.after !== undefined && (newest ?? 0) - heard.after <= FAR) return
  heard.after = newest
  missed.value++
}

const readAgainIn = earliest(announceSkipped)

function hear(events: readonly EventView[], hasGap: boolean): void {
  for (const event of events) heard.after = Math.max(heard.after ?? 0, event.sequence)
  if (hasGap) readAgainIn(SKIPPED_MS * (1 + Math.random() / 2))
  if (events.length > 0) announce(events, hasGap)
}

/** Resolves when the stream has ended by itself. Throws `ApiError`, or an `AbortError` after a long silence. */
async function stream(abort: AbortSignal): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENT_MS)
  try {
    const { body } = await respond(addressOf('/events/stream', { ...PACE, after: heard.after }), {
      ...{ signal: AbortSignal.any([abort, silence.signal]), headers: ownHeaders(true) },
    })
    if (!body) return
    // What failed meanwhile, such as a screen's request, is loaded again.
    if (live.value === 'lost') missed.value++
    live.value = 'live'
    const reader = messageReader()
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENT_MS)
      const messages = reader.read(text)
      const events = messages.filter(({ event }) => event === 'message')
      hear(
        events.map(({ data }) => parseJson(data) as EventView),
        events.length < messages.length,
      )
      const id = Number(reader.lastId() ?? Number.NaN)
      if (Number.isSafeInteger(id)) heard.after = Math.max(heard.after ?? 0, id)
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Polls for a while, for the newest events. Throws `ApiError`. */
async function poll(abort: AbortSignal): Promise<void> {
  if (live.value === 'lost') missed.value++
  live.value = 'polling'
  for (let i = 0; i < POLLS && !abort.aborted; i++) {
    const query = { after: heard.after, before: Number.MAX_SAFE_INTEGER, limit: POLL_LIMIT }
    const page = await api.get<ListPage<EventView>>('/events', query, { signal: abort })
    hear(page.data.toReversed(), page.has_more)
    await pause(POLL_MS, abort)
  }
}

/** The database was restored, or the events after ours were deleted. */
function isPurged(error: unknown): boolean {
  return error instanceof ApiError && ['events_purged', 'cursor_invalid'].includes(error.code)
}

/** Every stream of MiniPay is taken. */
function isFull(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'overloaded'
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
