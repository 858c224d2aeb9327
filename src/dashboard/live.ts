/** Events as they are stored, for screens. `follow.ts` receives them. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { api } from './api.ts'

/** `off`: the reader may not read events. `paused`: the page is hidden. */
export const live = signal<'connecting' | 'live' | 'polling' | 'paused' | 'off' | 'lost'>('connecting')
/** Grows whenever events may have been missed: what is shown must be loaded again. */
export const missed = signal(0)
/** The last event that the page knows of: what is loaded later contains it. Undefined until it is known. */
export const heard: { after: number | undefined } = { after: undefined }

/** The sequence of the newest event; undefined where there is none. Throws `ApiError`. */
export async function newestSequence(abort?: AbortSignal): Promise<number | undefined> {
  const query = { before: Number.MAX_SAFE_INTEGER, limit: 1 }
  const page = await api.get<{ data: EventView[] }>('/events', query, abort ? { signal: abort } : {})
  return page.data[0]?.sequence
}

/** Called before the first screen is loaded: the stream, which begins later, then begins with the event after this one. */
export async function markPlace(): Promise<void> {
  // Without it, the screens are loaded again once the stream has begun.
  const newest = await newestSequence().catch(() => undefined)
  heard.after ??= newest
}

export type EventFilter = {
  /** Whole types, or beginnings with a dot at the end: `['payment.']`. Without it: all. */
  readonly types?: readonly string[]
  /** Events about this object: the id of a charge, refund, attempt or dispute in their data. */
  readonly object?: string | undefined
}
type Listener = {
  readonly filter: EventFilter
  /** `hasGap`: others were skipped before them. */
  readonly hear: (events: readonly EventView[], hasGap: boolean) => void
  readonly skipped: () => void
}
const NOTHING = () => {}

const listeners = new Set<Listener>()

/**
 * Calls `hear` with each group of events that fits, oldest first, and `skipped` once in a while where there are too many to
 * hear: then what is shown must be read again. Returns the function that ends it.
 */
export function onEvents(filter: EventFilter, hear: Listener['hear'], skipped = NOTHING): () => void {
  const listener = { filter, hear, skipped }
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The same for as long as a component is shown; the functions are always those of its last rendering. */
export function useEvents(filter: EventFilter, hear: Listener['hear'], skipped = NOTHING): void {
  const latest = useRef({ hear, skipped })
  latest.current = { hear, skipped }
  const { types, object } = filter
  useEffect(
    () =>
      onEvents(
        filter,
        (events, hasGap) => latest.current.hear(events, hasGap),
        () => latest.current.skipped(),
      ),
    [types?.join(), object],
  )
}

export function fits({ types, object }: EventFilter, event: EventView): boolean {
  const { type } = event
  if (types && !types.some((wanted) => (wanted.endsWith('.') ? type.startsWith(wanted) : type === wanted)))
    return false
  return object === undefined || JSON.stringify(event.data).includes(`"${object}"`)
}

/** Gives events to the screens that wait for them. */
export function announce(events: readonly EventView[], hasGap: boolean): void {
  for (const { filter, hear } of [...listeners]) {
    const wanted = events.filter((event) => fits(filter, event))
    if (wanted.length > 0) hear(wanted, hasGap)
  }
}

/** Has the screens read again what they show. */
export function announceSkipped(): void {
  for (const { skipped } of [...listeners]) skipped()
}
