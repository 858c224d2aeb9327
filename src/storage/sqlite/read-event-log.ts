import type { Epoch } from '../../domain/epoch.ts'
import { partText } from '../../domain/snapshot.ts'
import type { EventPage, EventQuery, Scope, StoredEvent } from '../../ports/store.ts'
import { isRare, OBJECT_OF_EVENT, seekRange } from '../event-log.ts'
import { EPOCH, EPOCH_OF_EVENT } from '../lists.ts'
import { EVENT_DATA } from './long-texts.ts'
import { setBackMs } from './read-clock.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const EVENT = `seq AS sequence, id, type, created_at AS createdAt, ${EVENT_DATA} AS data, ${EPOCH_OF_EVENT} AS epoch`

type Condition = readonly [text: string, ...values: (string | number)[]]
type Row = { readonly seq: number; readonly created_at: number }

/** The event log. */
export function eventLogReads(sql: Sql) {
  const newestEpoch = () =>
    sql(`SELECT ${EPOCH} FROM epochs WHERE first_seq = (SELECT max(first_seq) FROM epochs)`).get() as Epoch

  /** The greatest sequence before the first event of that time, if the events are in the order of their times. */
  function lastBefore(scope: Scope, ms: number): number {
    const own = [scope.accountId, live(scope)]
    const newest = sql(
      'SELECT seq, created_at FROM events WHERE account_id = ? AND live = ? ORDER BY seq DESC LIMIT 1',
    ).get(...own) as Row | undefined
    if (!newest || newest.created_at < ms) return newest?.seq ?? 0
    const between = sql(
      `SELECT seq, created_at FROM events
       WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ? ORDER BY seq DESC LIMIT 1`,
    )
    let [low, high] = [0, newest.seq]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      const probe = between.get(...own, low, middle) as Row | undefined
      if (probe && probe.created_at >= ms) high = probe.seq
      else low = middle
    }
    return low
  }

  function timesOf(scope: Scope, query: EventQuery): Condition[] {
    const { createdFrom, createdUntil } = query
    if (createdFrom === undefined && createdUntil === undefined) return []
    const { from, until } = seekRange(query, setBackMs(sql))
    return [
      ...(from === undefined ? [] : [['seq > ?', lastBefore(scope, from)] as const]),
      ...(until === undefined ? [] : [['seq <= ?', lastBefore(scope, until)] as const]),
      ...(createdFrom === undefined ? [] : [['created_at >= ?', createdFrom] as const]),
      ...(createdUntil === undefined ? [] : [['created_at < ?', createdUntil] as const]),
    ]
  }

  return {
    events(scope: Scope, query: EventQuery): EventPage {
      const { after, object, types, limit } = query
      const own: Condition[] = [
        ['account_id = ? AND live = ? AND seq > ?', scope.accountId, live(scope), after],
        ...timesOf(scope, query),
        ...(object ? [[`${OBJECT_OF_EVENT} = ?`, object.id] as const] : []),
        ...(object?.part ? [[`instr(${EVENT_DATA}, ?) > 0`, partText(object.part)] as const] : []),
      ]
      const rare = isRare(types)
      const index = object ? 'INDEXED BY events_by_object' : rare ? 'INDEXED BY events_by_type' : ''
      const selects =
        types && rare && !object
          ? types.map((type) => select([...own, [`type = ? AND type <> 'payment.succeeded'`, type]], index))
          : [select([...own, ...(types ? [oneOf(types)] : [])], index)]
      const text = selects
        .map(({ text }) => `SELECT * FROM (${text} ORDER BY seq LIMIT ?)`)
        .join(' UNION ALL ')
      const values = selects.flatMap(({ values }) => [...values, limit + 1])
      const sorted =
        selects.length > 1 ? `SELECT * FROM (${text}) ORDER BY sequence LIMIT ${limit + 1}` : text
      const rows = sql(sorted).iterate(...values) as IterableIterator<StoredEvent>
      return { ...pageOf(rows, limit), epoch: newestEpoch() }
    },

    lastEventSequence(scope: Scope): number {
      return sql('SELECT coalesce(max(seq), 0) AS last FROM events WHERE account_id = ? AND live = ?')
        .pluck()
        .get(scope.accountId, live(scope)) as number
    },

    event(scope: Scope, id: string): StoredEvent | undefined {
      return sql(
        `SELECT ${EVENT} FROM events e INDEXED BY events_by_id WHERE id = ? AND account_id = ? AND live = ?`,
      ).get(id, scope.accountId, live(scope)) as StoredEvent | undefined
    },
  }
}

function select(where: readonly Condition[], index: string) {
  return {
    text: `SELECT ${EVENT} FROM events e ${index} WHERE ${where.map(([text]) => text).join(' AND ')}`,
    values: where.flatMap(([, ...values]) => values),
  }
}

const oneOf = (types: readonly string[]): Condition => [`type IN (${types.map(() => '?').join()})`, ...types]
