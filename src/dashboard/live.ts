/**
 * Events as they are stored: one stream for the whole page, and only while the page is visible, because a browser
 * opens six connections to a host at most. Where a proxy cuts streams, the page polls instead.
 */
import { effect, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { ApiError, api, ownHeaders, signedOut } from './api.ts'
import { parseJson } from './json.ts'
import { can } from './me.ts'
import { messageReader } from './sse.ts'

/** `off`: the reader may not read events. `paused`: the page is hidden. */
export const live = signal<'connecting' | 'live' | 'polling' | 'paused' | 'off' | 'lost'>('connecting')
/** Grows whenever events may have been missed: what is shown must be loaded again. */
export const missed = signal(0)

export type EventFilter = {
  /** Whole types, or beginnings with a dot at the end: `['payment.']`. Without it: all. */
  readonly types?: readonly string[]
  /** Events about this object: the id of a charge, refund, attempt or dispute in their data. */
  readonly object?: string | undefined
}
type Listener = { readonly filter: EventFilter; readonly hear: (events: readonly EventView[]) => void }

const RETRY_MS = 2_000
const POLL_MS = 5_000
/** A stream that ended this early, in ms, was cut by a proxy. */
const CUT_MS = 4_000

const listeners = new Set<Listener>()
let after: number | undefined
let running: AbortController | undefined

/** Calls `hear` with each group of events that fits, oldest first; returns the function that ends it. */
export function onEvents(filter: EventFilter, hear: Listener['hear']): () => void {
  const listener = { filter, hear }
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The same for as long as a component is shown; `hear` is always the one of its last rendering. */
export function useEvents(filter: EventFilter, hear: Listener['hear']): void {
  const latest = useRef(hear)
  latest.current = hear
  const { types, object } = filter
  useEffect(() => onEvents(filter, (events) => latest.current(events)), [types?.join(), object])
}

export function fits({ types, object }: EventFilter, event: EventView): boolean {
  const { type } = event
  if (types && !types.some((wanted) => (wanted.endsWith('.') ? type.startsWith(wanted) : type === wanted)))
    return false
  return object === undefined || JSON.stringify(event.data).includes(`"${object}"`)
}

function hear(events: readonly EventView[]): void {
  for (const event of events) after = Math.max(after ?? 0, event.sequence)
  for (const listener of [...listeners]) {
    const wanted = events.filter((event) => fits(listener.filter, event))
    if (wanted.length > 0) listener.hear(wanted)
  }
}

/** Follows events while the page is visible and its reader may read them. Called once. */
export function startLive(): void {
  const visible = signal(!document.hidden)
  document.addEventListener('visibilitychange', () => {
    visible.value = !document.hidden
  })
  effect(() => {
    running?.abort()
    running = undefined
    const allowed = can('webhooks:read') && !signedOut.value
    live.value = !allowed ? 'off' : visible.value ? 'connecting' : 'paused'
    if (!allowed || !visible.value) return
    running = new AbortController()
    void follow(running.signal)
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

/** Resolves when the stream has ended by itself. */
async function stream(abort: AbortSignal): Promise<void> {
  const query = after === undefined ? '' : `?after=${after}`
  const response = await fetch(`/api/v1/events/stream${query}`, {
    ...{ signal: abort, headers: ownHeaders(true) },
  })
  if (response.status === 401) signedOut.value = true
  if (!response.ok || !response.body)
    throw new ApiError(response.status, Object(parseJson(await response.text())), undefined)
  live.value = 'live'
  const reader = messageReader()
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const messages = reader.read(text)
    hear(messages.map(({ data }) => parseJson(data) as EventView))
    const id = Number(reader.lastId())
    if (Number.isSafeInteger(id)) after = Math.max(after ?? 0, id)
  }
}

/** Polls for a minute, then a stream is tried again. */
async function poll(abort: AbortSignal): Promise<void> {
  live.value = 'polling'
  for (let i = 0; i < 12 && !abort.aborted; i++) {
    const page = await api.get<{ data: EventView[] }>('/events', { after, limit: 100 }, { signal: abort })
    hear(page.data)
    if (page.data.length < 100) await pause(POLL_MS, abort)
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
