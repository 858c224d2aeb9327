import type { Context } from '../app/context.ts'
import { type Loop, startLoop } from './loop.ts'

const INTERVAL_MS = 5_000
const SCOPES = 100

/**
 * Stores the balances at the end of each slice of the ledger, so that a balance of any time is found fast. Every node may
 * do it: a slice is stored once. A charge does not wait for it.
 */
export function startLedgerSlices({ store, log, runtime }: Pick<Context, 'store' | 'log' | 'runtime'>): Loop {
  let stopping = false
  const loop = startLoop({ name: 'ledger slices', intervalMs: INTERVAL_MS, log, runtime }, async () => {
    for (const { scope, slice } of await store.ledgerSlicesDue(SCOPES))
      for (let next = slice; !stopping && (await store.addLedgerSlice(scope, next)); next++)
        // After an upgrade there are many: the writes of charges get their turn.
        await new Promise<void>(runtime.nextTurn)
  })
  return {
    ...loop,
    stop() {
      stopping = true
      return loop.stop()
    },
  }
}
