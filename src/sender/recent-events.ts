/** Events that several endpoints get one after another: their bodies are made once for each event. */
import type { StoredEvent } from '../ports/store.ts'

/** How many are remembered, at most twice as many; they are a page of events at least. */
const REMEMBERED = 256

export type RecentEvents = {
  /** The same event as it was seen before; this one if it was not, or long ago. */
  shared(event: StoredEvent): StoredEvent
}

export function createRecentEvents(most = REMEMBERED): RecentEvents {
  let recent = new Map<string, StoredEvent>()
  let former = recent
  return {
    shared(event) {
      const known = recent.get(event.id) ?? former.get(event.id) ?? event
      if (recent.size >= most) {
        former = recent
        recent = new Map()
      }
      recent.set(event.id, known)
      return known
    },
  }
}
