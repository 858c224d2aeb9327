/** What waits for a person: for the card of the overview, and as badges of the navigation on every screen. */
import { effect, signal } from '@preact/signals'
import type { AttentionView } from '../api/minipay/attention-schemas.ts'
import { ApiError, api, signedOut } from './api.ts'
import { onEvents } from './live.ts'
import { can } from './me.ts'
import { badges } from './navigation.ts'

/** Undefined until it is loaded, and for readers who may not see it. */
export const attention = signal<AttentionView | undefined>(undefined)

/** An attempt becomes unknown, and a breaker opens, without an event. */
const EVERY_MS = 15_000
/** It follows an event this soon, and events that keep coming this often, in ms. */
const SOON_MS = 1_000
const BUSY_MS = 5_000

let loading = false
let loadedAt = Number.NEGATIVE_INFINITY
/** Events that come close together do not put it off. */
const loadIn = earliest(() => void load())

/** Keeps it current while the page is visible. Called once. */
export function startAttention(): void {
  const follow = () => loadIn(Math.max(SOON_MS, loadedAt + BUSY_MS - performance.now()))
  onEvents({}, follow, follow)
  document.addEventListener('visibilitychange', () => loadIn(0))
  effect(() => {
    if (can('operations:read') && !signedOut.value) loadIn(0)
  })
}

async function load(): Promise<void> {
  if (loading || document.hidden || !can('operations:read') || signedOut.value) return
  loading = true
  try {
    const found = await api.get<AttentionView>('/attention')
    attention.value = found
    badges.value = badgesOf(found)
  } catch (error) {
    // The next one shows it; the screens report what they cannot load.
    if (!(error instanceof ApiError)) throw error
  } finally {
    loading = false
    loadedAt = performance.now()
    loadIn(EVERY_MS)
  }
}

/** The number beside each place of the navigation. */
export function badgesOf(found: AttentionView): Readonly<Record<string, number>> {
  return {
    '/unresolved': found.unresolved.unknown,
    '/disputes': found.disputes.needs_response,
    '/webhooks': found.failed_deliveries,
    '/alarms': found.open_alarms,
    '/providers': new Set(found.open_breakers.map(({ provider }) => provider)).size,
  }
}

/** Returns a function that has `run` called within so many ms, and once for all calls until then. */
export function earliest(run: () => void): (ms: number) => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = Number.POSITIVE_INFINITY
  return (ms) => {
    const at = performance.now() + ms
    if (at >= due) return
    clearTimeout(timer)
    due = at
    timer = setTimeout(() => {
      due = Number.POSITIVE_INFINITY
      run()
    }, ms)
  }
}
