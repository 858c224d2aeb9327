/** The attempts of webhook endpoints by hour. */
import type { WebhookHour } from '../../ports/store-webhooks.ts'
import { attemptsIn, KEPT_HOURS } from '../webhooks.ts'
import type { Statement } from './batch.ts'
import { recordset } from './recordset.ts'
import { nameIn } from './rows.ts'
import { CURSOR, HELD, type Placed } from './webhook-batches.ts'

type Counted = Placed & { readonly made: WebhookHour }

const HOURS = recordset<Counted>(
  {
    ...CURSOR,
    hour: ['integer', ({ made }) => made.hour],
    attempts: ['bigint', ({ made }) => made.attempts],
    succeeded: ['bigint', ({ made }) => made.succeeded],
  },
  1,
)

/** The first row of an hour deletes those that are too old. */
const COUNT = `
  WITH counted AS (
    INSERT INTO webhook_hours AS h (account_id, live, endpoint, hour, attempts, succeeded)
    SELECT r.account_id, r.live, r.endpoint, r.hour, r.attempts, r.succeeded
    FROM ${HOURS.from}
    CROSS JOIN LATERAL (${HELD}) AS c
    ON CONFLICT (account_id, live, endpoint, hour) DO UPDATE
    SET attempts = h.attempts + excluded.attempts, succeeded = h.succeeded + excluded.succeeded
    RETURNING h.account_id, h.live, h.endpoint, h.hour, h.xmax = 0 AS is_new)
  DELETE FROM webhook_hours h
  USING (SELECT * FROM counted WHERE is_new OFFSET 0) AS n
  WHERE h.account_id = n.account_id AND h.live = n.live AND h.endpoint = n.endpoint AND h.hour < n.hour - ${KEPT_HOURS}`

/** One row for each endpoint and hour: a statement changes each row once. */
export function hourWrites(batches: readonly Placed[]): Statement[] {
  const counted = new Map<string, Counted>()
  for (const placed of batches) {
    const { scope, endpoint, token } = placed.batch
    const made = attemptsIn(placed.batch)
    if (!made) continue
    const name = nameIn(scope, endpoint, `${token} ${made.hour}`)
    const other = counted.get(name)?.made
    const attempts = made.attempts + (other?.attempts ?? 0)
    const succeeded = made.succeeded + (other?.succeeded ?? 0)
    counted.set(name, { ...placed, made: { hour: made.hour, attempts, succeeded } })
  }
  return counted.size > 0 ? [{ text: COUNT, values: HOURS.values([...counted.values()]) }] : []
}
