import type { Epoch } from '../../domain/epoch.ts'
import { twinId } from '../../domain/id.ts'
import { partText } from '../../domain/snapshot.ts'
import type { EventPage, EventQuery, Scope, StoredEvent } from '../../ports/store.ts'
import { isRare, OBJECT_OF_EVENT, seekRange } from '../event-log.ts'
import { EPOCH, EPOCH_OF_EVENT } from '../lists.ts'
import { disabledHolders, SQLITE_TEXT } from '../purge.ts'
import { EVENT_DATA } from './long-texts.ts'
import { setBackMs } from './read-clock.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const EVENT = `seq AS sequence, id, type, created_at AS createdAt, ${EVENT_DATA} AS data, ${EPOCH_OF_EVENT} AS epoch`

/** The events that the indexes by id and by object have: all but the first of a charge, whose number the charge has. */
const OTHERS = 'substr(id, 5) <> substr(data, 22, 26)'
const FIRST_OF_CHARGE = `(SELECT c.first_event FROM charges c WHERE c.account_id = ? AND c.live = ? AND c.id = ?)`

/** The rows of one window. */
const WINDOW = 1_000

type Condition = readonly [text: string, ...values: (string | number)[]]
type Row = { readonly seq: number; readonly created_at: number }

/** The event log. */
export function eventLogReads(sql: Sql) {
  const newestEpoch = () =>
    sql(`SELECT ${EPOCH} FROM epochs WHERE first_seq = (SELECT max(first_seq) FROM epochs)`).get() as Epoch

  const page = (rows: Iterable<StoredEvent>, limit: number): EventPage => ({
    ...pageOf(rows, limit),
    epoch: newestEpoch(),
  })

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

  /** The part of the log that has all events of the query's times, and in its disorder some others. */
  function rangeOf(scope: Scope, query: EventQuery): Condition[] {
    if (!isTimed(query)) return []
    const { from, until } = seekRange(query, setBackMs(sql))
    return [
      ...(from === undefined ? [] : [['seq > ?', lastBefore(scope, from)] as const]),
      ...(until === undefined ? [] : [['seq <= ?', lastBefore(scope, until)] as const]),
    ]
  }

  /** Every event of the range has to be looked at: between two windows other requests get their turn. */
  async function inTime(query: EventQuery, selection: Selection): Promise<EventPage> {
    const { createdFrom = 0, createdUntil = Number.POSITIVE_INFINITY, limit } = query
    const whole = sql(`SELECT ${EVENT} FROM events e WHERE account_id = ? AND live = ? AND seq = ?`)
    const found: StoredEvent[] = []
    for (let rest: Bounds = query; ; ) {
      const { text, values } = textOf('seq, created_at', selection, rest, WINDOW)
      const window = sql(text).all(...values) as Row[]
      for (const { seq, created_at } of window)
        if (found.length <= limit && created_at >= createdFrom && created_at < createdUntil)
          found.push(whole.get(...selection.scope, seq) as StoredEvent)
      const last = window.at(-1)
      if (!last || window.length < WINDOW || found.length > limit) return page(found, limit)
      rest = query.before === undefined ? { after: last.seq } : { after: query.after, before: last.seq }
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  return {
    events(scope: Scope, query: EventQuery): EventPage | Promise<EventPage> {
      const { object, types, limit } = query
      const where: Condition[] = [
        ...rangeOf(scope, query),
        ...(object?.part ? [[`instr(${EVENT_DATA}, ?) > 0`, partText(object.part)] as const] : []),
      ]
      const isByType = isRare(types) && !object
      const own = [scope.accountId, live(scope)] as const
      const byObject: Condition[] = object
        ? [
            [`${OTHERS} AND ${OBJECT_OF_EVENT} = ?`, object.id],
            [`seq = ${FIRST_OF_CHARGE}`, ...own, object.id],
          ]
        : []
      const all = types ? [...where, oneOf(types)] : where
      const selection: Selection = {
        scope: own,
        branches: object
          ? byObject.map((by, i) => [i === 0 ? 'INDEXED BY events_by_object' : '', [...all, by]])
          : isByType
            ? (types ?? []).map((type) => [
                'INDEXED BY events_by_type',
                [...where, [`type = ? AND type <> 'payment.succeeded'`, type]],
              ])
            : [['', all]],
      }
      if (types?.length === 0) return page([], limit)
      if (isTimed(query)) return inTime(query, selection)
      const { text, values } = textOf(EVENT, selection, query, limit + 1)
      return page(sql(text).iterate(...values) as IterableIterator<StoredEvent>, limit)
    },

    eventsPurgedTo(scope: Scope): number {
      const row = sql('SELECT events_to FROM event_purges WHERE account_id = ? AND live = ?')
        .pluck()
        .get(scope.accountId, live(scope)) as number | undefined
      return row ?? 0
    },

    disabledHolders(scope: Scope, before: number): string[] {
      return sql(disabledHolders(SQLITE_TEXT, '?3'))
        .pluck()
        .all({ 1: scope.accountId, 2: live(scope), 3: before }) as string[]
    },

    lastEventSequence(scope: Scope): number {
      return sql('SELECT coalesce(max(seq), 0) AS last FROM events WHERE account_id = ? AND live = ?')
        .pluck()
        .get(scope.accountId, live(scope)) as number
    },

    event(scope: Scope, id: string): StoredEvent | undefined {
      const own = [scope.accountId, live(scope)]
      const other = sql(
        `SELECT ${EVENT} FROM events e INDEXED BY events_by_id
         WHERE id = ? AND ${OTHERS} AND account_id = ? AND live = ?`,
      ).get(id, ...own)
      const first = () =>
        sql(
          `SELECT ${EVENT} FROM events e WHERE account_id = ? AND live = ? AND seq = ${FIRST_OF_CHARGE} AND id = ?`,
        ).get(...own, ...own, twinId('txn', id), id)
      return (other ?? first()) as StoredEvent | undefined
    },
  }
}

const isTimed = ({ createdFrom, createdUntil }: EventQuery) =>
  createdFrom !== undefined || createdUntil !== undefined

/** Rows of the log that fit one of the branches. */
type Selection = {
  readonly scope: readonly [accountId: number, live: number]
  readonly branches: readonly (readonly [index: string, conditions: readonly Condition[]])[]
}

type Bounds = Pick<EventQuery, 'after' | 'before'>

/** The first rows after a sequence, in the order of the log; with `before`, the last rows before that, the newest first. */
function textOf(columns: string, { scope, branches }: Selection, { after, before }: Bounds, limit: number) {
  const [end, order] = before === undefined ? ['', 'ASC'] : ['AND seq < ?', 'DESC']
  const selects = branches.map(([index, conditions]) => {
    const where = [`account_id = ? AND live = ? AND seq > ? ${end}`, ...conditions.map(([text]) => text)]
    return `SELECT * FROM (
      SELECT ${columns} FROM events e ${index} WHERE ${where.join(' AND ')} ORDER BY seq ${order} LIMIT ?)`
  })
  const values = branches.flatMap(([, conditions]) => [
    ...[...scope, after, ...(before === undefined ? [] : [before])],
    ...conditions.flatMap(([, ...values]) => values),
    limit,
  ])
  const [only = ''] = selects
  if (selects.length === 1) return { text: only, values }
  // The first column is the sequence.
  return {
    text: `SELECT * FROM (${selects.join(' UNION ALL ')}) ORDER BY 1 ${order} LIMIT ?`,
    values: [...values, limit],
  }
}

const oneOf = (types: readonly string[]): Condition => [`type IN (${types.map(() => '?').join()})`, ...types]
