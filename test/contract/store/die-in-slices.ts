/**
 * Adds slices of the ledger as a server does, and kills itself while the second is being stored:
 * `node die-in-slices.ts DATABASE`.
 */
import assert from 'node:assert/strict'
import { nodeRuntime } from '../../../src/runtime/node.ts'
import { engineOf } from '../../../src/storage/engine.ts'
import { startLedgerSlices } from '../../../src/workers/ledger-slices.ts'
import { SILENT } from './ledger-days.ts'

const engine = await engineOf(process.argv[2] ?? assert.fail('Name the database.'))
const store = await engine.open({ onGroup() {}, onFatal: assert.fail, log: SILENT })
startLedgerSlices({
  store: {
    ...store,
    addLedgerSlice(scope, slice) {
      const added = store.addLedgerSlice(scope, slice)
      // The database has the statement, or is about to get it; nobody waits for its end.
      if (slice === 2) setImmediate(() => process.kill(process.pid, 'SIGKILL'))
      return added
    },
  },
  log: SILENT,
  runtime: nodeRuntime,
})
