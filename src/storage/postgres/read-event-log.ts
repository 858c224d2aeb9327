import type { Epoch } from '../../domain/epoch.ts'
import { twinId } from '../../domain/id.ts'
import { partText } from '../../domain/snapshot.ts'
import type { EventPage, EventQuery, Scope, StoredEvent } from '../../ports/store.ts'
import { isRare, OBJECT_OF_EVENT, seekRange } from '../event-log.ts'
import { EPOCH, EPOCH_OF_EVENT } from '../lists.ts'
import { disabledHolders, POSTGRES_TEXT } from '../purge.ts'
import { setBackMs } from './read-clock.ts'
import { pageOf } from './read-page.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const EVENT = `seq AS sequence, id, type, created_at AS "createdAt", data, ${EPOCH_OF_EVENT} AS epoch`

/** The greatest sequence before the first event of a time, if the events are in the order of their times. */
const LAST_BEFORE = `
  WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, max(seq) + 1 FROM events WHERE account_id = $1 AND live = $2
    UNION ALL
    SELECT CASE WHEN p.created_at >= $3 THEN s.low ELSE (s.low + s.high) / 2 END,
      CASE WHEN p.created_at >= $3 THEN p.seq ELSE s.high END
    FROM search s LEFT JOIN LATERAL (
      SELECT seq, created_at FROM events
      WHERE account_id = $1 AND live = $2 AND seq > s.low AND seq <= (s.low + s.high) / 2
      ORDER BY seq DESC LIMIT 1) p ON TRUE
    WHERE s.high - s.low > 1)
  SELECT max(low) AS last FROM search`

const DISABLED_HOLDERS = disabledHolders(POSTGRES_TEXT, '$3::bigint')

/** Events that one index finds. */
type Branch = { readonly table: string; readonly where: string }

/**
 * The events of an object. The first one of a charge has the digits of its id, and no row in the index by object. OFFSET 0
 * lets no plan look for them in the order of the log, as one without statistics of the index would.
 */
function ofObject(object: string, ofTypes: string, parameter: (value: string) => string): Branch[] {
  // The index has this collation; with another one, it would be read as a whole.
  const isOfObject = `(${OBJECT_OF_EVENT}) COLLATE "C" = ${parameter(object)}`
  const conditions = [
    `id = ${parameter(twinId('evt', object))} AND ${isOfObject}`,
    `substr(id, 5) <> substr(data, 22, 26) AND ${isOfObject}`,
  ]
  return conditions.map((is) => ({ table: `(SELECT * FROM events WHERE ${is} OFFSET 0)`, where: ofTypes }))
}

/** The event log. */
export function eventLogReads(sql: Sql) {
  async function lastBefore(scope: Scope, ms: number): Promise<number> {
    const { rows } = await sql(LAST_BEFORE, [scope.accountId, live(scope), ms])
    return Number(rows[0]?.['last'] ?? 0)
  }

  return {
    async events(scope: Scope, query: EventQuery): Promise<EventPage> {
      const { after, before, object, types, limit, createdFrom, createdUntil } = query
      const values: (string | number)[] = [scope.accountId, live(scope), after]
      const where = ['account_id = $1', 'live = $2', 'seq > $3']
      const given = (condition: string, value: string | number | undefined, end = '') => {
        if (value === undefined) return
        values.push(value)
        where.push(`${condition} $${values.length}${end}`)
      }
      given('seq <', before)
      if (createdFrom !== undefined || createdUntil !== undefined) {
        const { from, until } = seekRange(query, await setBackMs(sql))
        given('seq >', from === undefined ? undefined : await lastBefore(scope, from))
        given('seq <=', until === undefined ? undefined : await lastBefore(scope, until))
        given('created_at >=', createdFrom)
        given('created_at <', createdUntil)
      }
      given('strpos(data,', object?.part && partText(object.part), ') > 0')
      const own = where.join(' AND ')
      const order = before === undefined ? 'ASC' : 'DESC'
      const limited = `ORDER BY seq ${order} LIMIT ${limit + 1}`
      const numbers = (types ?? []).map((type) => `$${values.push(type)}`)
      const ofTypes = types ? (numbers.length > 0 ? `type IN (${numbers.join()})` : 'FALSE') : 'TRUE'
      const branches = object
        ? ofObject(object.id, ofTypes, (value) => `$${values.push(value)}`)
        : isRare(types)
          ? numbers.map((n) => ({ table: 'events', where: `type = ${n} AND type <> 'payment.succeeded'` }))
          : [{ table: 'events', where: ofTypes }]
      const selects = branches.map(
        ({ table, where }) => `(SELECT ${EVENT} FROM ${table} e WHERE ${own} AND ${where} ${limited})`,
      )
      const text =
        selects.length === 1
          ? selects.join()
          : `SELECT * FROM (${selects.join(' UNION ALL ')}) AS x ORDER BY sequence ${order} LIMIT ${limit + 1}`
      const { rows } = await sql(text, values)
      const newest = await sql(`SELECT ${EPOCH} FROM epochs ORDER BY first_seq DESC LIMIT 1`)
      return { ...pageOf(rows as unknown as StoredEvent[], limit), epoch: newest.rows[0] as unknown as Epoch }
    },

    async eventsPurgedTo(scope: Scope): Promise<number> {
      const { rows } = await sql('SELECT events_to FROM event_purges WHERE account_id = $1 AND live = $2', [
        scope.accountId,
        live(scope),
      ])
      return Number(rows[0]?.['events_to'] ?? 0)
    },

    async disabledHolders(scope: Scope, before: number): Promise<string[]> {
      const { rows } = await sql(DISABLED_HOLDERS, [scope.accountId, live(scope), before])
      return rows.map((row) => String(row['endpoint']))
    },

    async lastEventSequence(scope: Scope): Promise<number> {
      const { rows } = await sql(
        'SELECT coalesce(max(seq), 0) AS last FROM events WHERE account_id = $1 AND live = $2',
        [scope.accountId, live(scope)],
      )
      return rows[0]?.['last'] as number
    },

    async event(scope: Scope, id: string): Promise<StoredEvent | undefined> {
      const { rows } = await sql(
        `SELECT ${EVENT} FROM events e WHERE id = $3 AND account_id = $1 AND live = $2 LIMIT 1`,
        [scope.accountId, live(scope), id],
      )
      return rows[0] as unknown as StoredEvent | undefined
    },
  }
}
