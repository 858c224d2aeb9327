/** The last attempts of deleted endpoints. */
import { randomUUID } from 'node:crypto'
import type { DeliveryBatch } from '../../ports/store-webhooks.ts'
import { lastTries } from '../webhooks.ts'
import { retrying } from './audit.ts'
import type { Statement } from './batch.ts'
import { begin, lastWords, rollingBack, settled } from './committer.ts'
import type { Pool } from './pool.ts'
import { byCursor, CURSORS, type Placed } from './webhook-batches.ts'
import { BATCHES, layersOf, RESULTS, recording } from './webhook-records.ts'

const COMMIT: Statement = { text: 'COMMIT' }

/** An endpoint whose cursor ended with it. */
const GONE = `
      SELECT 1 FROM webhook_endpoints
      WHERE account_id = r.account_id AND live = r.live AND id = r.endpoint AND deleted_at IS NOT NULL
      LIMIT 1`
const DELETED = `SELECT r.place FROM ${CURSORS.from} CROSS JOIN LATERAL (${GONE}) AS w`
const RECORD_LAST = recording(GONE)

export function webhookLastTries(pool: Pool) {
  return {
    async recordLastTries(batches: readonly DeliveryBatch[]): Promise<readonly boolean[]> {
      if (batches.length === 0) return []
      const placed = batches.map((batch, place) => ({ batch: lastTries(batch), place })).sort(byCursor)
      await retrying(() => settled(() => record(pool, placed), pool), true)
      const deleted = { text: DELETED, values: CURSORS.values(placed) }
      const [found] = await retrying(() => pool.use(({ run }) => run([deleted])), true)
      const places = new Set((found?.rows ?? []).map(({ place }) => place))
      return batches.map((_, i) => places.has(i))
    },
  }
}

function record(pool: Pool, batches: readonly Placed[]): Promise<unknown> {
  const group = randomUUID()
  const writes = layersOf(batches).map((results) => ({
    text: RECORD_LAST,
    values: [...RESULTS.values(results), ...BATCHES.values([])],
  }))
  return pool.use((connection) =>
    rollingBack(connection, () =>
      lastWords(group, null, () => connection.run([...begin(group), ...writes, COMMIT])),
    ),
  )
}
