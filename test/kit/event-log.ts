/** A store that has events alone, for tests with a time of their own. */
import { createEventBell } from '../../src/app/events/bell.ts'
import { fitsQuery } from '../../src/app/events/follow.ts'
import { createPacedEvents } from '../../src/app/events/paced.ts'
import { createEventReader } from '../../src/app/events/reader.ts'
import type { EventType } from '../../src/domain/event.ts'
import { encodeFacts } from '../../src/domain/snapshot.ts'
import {
  type EventQuery,
  KEYLESS_SCOPE as SCOPE,
  type Store,
  type StoredEvent,
} from '../../src/ports/store.ts'
import type { ManualRuntime } from '../../src/runtime/manual.ts'
import { chargeOf } from './charges.ts'

const DATA = encodeFacts({ charge: chargeOf({}) })

/** A log of events, which counts its reads. */
export function logOf(runtime: ManualRuntime) {
  const log: StoredEvent[] = []
  let reads = 0
  let fails = false
  let most = Number.POSITIVE_INFINITY
  const store = {
    async lastEventSequence() {
      return log.at(-1)?.sequence ?? 0
    },
    async events(_scope: unknown, query: EventQuery) {
      reads++
      if (fails) {
        fails = false
        throw new Error('the database is away')
      }
      const { after, before = Number.POSITIVE_INFINITY } = query
      const rows = log.filter(
        (event) => event.sequence > after && event.sequence < before && fitsQuery(query, event),
      )
      if (query.before !== undefined) rows.reverse()
      const length = Math.min(most, query.limit)
      return { data: rows.slice(0, length), hasMore: rows.length > length, epoch: {} }
    },
  } as unknown as Store
  const bell = createEventBell(runtime)
  return {
    context: {
      ...{ store, bell, runtime, eventReader: createEventReader(store, bell, runtime) },
      pacedEvents: createPacedEvents({ store, bell, runtime }),
    },
    bell,
    reads: () => reads,
    endPagesAfter(rows: number) {
      most = rows
    },
    failNext() {
      fails = true
    },
    add(type: EventType = 'payment.succeeded', sequence = (log.at(-1)?.sequence ?? 0) + 1) {
      log.push({ sequence, id: `evt_${sequence}`, type, createdAt: runtime.now(), data: DATA, epoch: 'ep_1' })
      bell.ring(SCOPE)
    },
    /** Stored by another node whose message was lost. */
    addSilently() {
      const sequence = (log.at(-1)?.sequence ?? 0) + 1
      log.push({
        ...{ sequence, id: `evt_${sequence}`, type: 'payment.succeeded', createdAt: runtime.now() },
        ...{ data: DATA, epoch: 'ep_1' },
      })
    },
  }
}
