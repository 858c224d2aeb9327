/** Stores the results of all couriers of a process: one write at a time, with everything that ended during the last one. */
import type { Log } from '../../ports/log.ts'
import { type Runtime, sleep } from '../../ports/runtime.ts'
import { type Store, StoreUnavailable } from '../../ports/store.ts'
import type { DeliveryBatch } from '../../ports/store-webhooks.ts'
import type { Courier } from './courier-parts.ts'

/** The wait before another try to store results, in ms. */
const AGAIN_MS = 200
/** An endpoint whose results the store refuses rests for this long, in ms. */
const BROKEN_MS = 60_000

export type Recorder = {
  /** The courier has something to store. */
  add(courier: Sender): void
  /** From now on it waits for no further results. */
  hurry(): void
  /** Stores nothing more while the store is unavailable. */
  giveUp(): void
}

/** A write begins at least this long after the one before, in ms: under load, it then stores many results. */
const GAP_MS = 10

export type RecorderOptions = {
  readonly store: Pick<Store, 'recordDeliveries' | 'recordLastTries'>
  readonly log: Log
  readonly runtime: Pick<Runtime, 'after' | 'monotonic'>
}

/** What the recorder needs of a courier. */
type Sender = Pick<Courier, 'collect' | 'confirm' | 'end'>
type Filed = { readonly courier: Sender; readonly batch: DeliveryBatch }

export function createRecorder({ store, log, runtime }: RecorderOptions): Recorder {
  const waiting = new Set<Sender>()
  let running = false
  let givenUp = false
  let hurried = false
  let wroteAt = Number.NEGATIVE_INFINITY

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const early = wroteAt + GAP_MS - runtime.monotonic()
      if (early > 0 && !hurried) await sleep(runtime, early)
      wroteAt = runtime.monotonic()
      const couriers = [...waiting]
      waiting.clear()
      const filed: Filed[] = []
      for (const courier of couriers) {
        const batch = courier.collect()
        if (batch) filed.push({ courier, batch })
      }
      if (filed.length > 0) await file(filed)
    }
    running = false
  }

  /** Each courier gets to know whether its batch was stored. A batch that cannot be stored holds up no other. */
  async function file(filed: readonly Filed[]): Promise<void> {
    try {
      const held = await persist(filed, (batches) => store.recordDeliveries(batches))
      const lost = filed.filter((_, i) => held[i] !== true)
      const last = lost.length === 0 ? [] : await persist(lost, (batches) => store.recordLastTries(batches))
      for (const [i, { courier }] of filed.entries()) if (held[i]) courier.confirm('stored')
      for (const [i, { courier }] of lost.entries()) courier.confirm(last[i] ? 'deleted' : 'lost')
    } catch (error) {
      if (filed.length > 1) {
        for (const one of filed) await file([one])
        return
      }
      for (const { courier, batch } of filed) {
        const { endpoint } = batch
        log.error(
          { endpoint, err: error },
          'The results of webhooks cannot be stored; MiniPay sends them again.',
        )
        courier.end()
        runtime.after(BROKEN_MS, () => courier.confirm('lost'))
      }
    }
  }

  /** Waits for an unavailable store: otherwise the receivers would get everything twice. */
  async function persist(
    filed: readonly Filed[],
    write: (batches: readonly DeliveryBatch[]) => Promise<readonly boolean[]>,
  ): Promise<readonly boolean[]> {
    const batches = filed.map(({ batch }) => batch)
    for (;;) {
      try {
        return await write(batches)
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error
        if (givenUp || error.reason === 'closing') return batches.map(() => false)
        await sleep(runtime, AGAIN_MS)
      }
    }
  }

  return {
    add(courier) {
      waiting.add(courier)
      // Not in this turn, so that what ends together is stored together.
      if (!running) {
        running = true
        void Promise.resolve().then(run)
      }
    },
    hurry() {
      hurried = true
    },
    giveUp() {
      givenUp = true
    },
  }
}
