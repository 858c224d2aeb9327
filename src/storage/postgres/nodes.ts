import type { Log } from '../../ports/log.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import type { Result, Statement } from './batch.ts'
import { type Clock, NOW } from './clock.ts'
import { movedCalls } from './commit-sql-statistics.ts'
import type { Connection } from './connection.ts'
import { storeError } from './errors.ts'
import type { Pool } from './pool.ts'
import { unsafeSettings } from './session.ts'

const BEAT_MS = 1_000
/** A node without a heartbeat for this long, in ms, is dead, and its leased work is due. */
export const DEAD_AFTER_MS = 5_000
/** Ids of groups are kept longer than any commit needs them, in ms. */
const KEEP_GROUPS_MS = 600_000
const PURGE_EVERY_MS = 60_000

export type Heartbeat = {
  /** Sends a heartbeat now: a real write. */
  beat(): Promise<void>
  /** Whether other nodes served at the last heartbeat. */
  others(): boolean
  /** Stops the heartbeat and releases this node's leases. */
  stop(): Promise<void>
}

/** Only heartbeats use `beats`, so that this node does not look dead while other work waits for a lock. */
export type HeartbeatPools = { readonly beats: Pool; readonly writes: Pool }

/**
 * Sends a heartbeat every second, and frees the leases of dead nodes. After an outage of the database, or when its
 * clock was set forward, all heartbeats look old. So a node frees leases only if its own heartbeats arrived without a
 * break for that long, on one clock.
 */
export async function startHeartbeat(
  { beats, writes }: HeartbeatPools,
  node: string,
  clock: Clock,
  log: Log,
): Promise<Heartbeat> {
  const tidying = tidyingUp(writes, log)
  let steadySince = performance.now()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  /** The unsafe settings of the server; null before the first check, because the start logs them. */
  let off: string | null | undefined = null
  /** Logs the beginning and the end of an outage, not every failed heartbeat. */
  let outage = false
  let others = false
  let last: Promise<void> = Promise.resolve()

  /** Returns its time, by the database's clock. */
  async function beat(): Promise<number> {
    const { seenAt, jumped, off, ...seen } = await beats.use((connection) => beatOn(connection, node, clock))
    others = seen.others
    tellOfFsync(off)
    // The other nodes have not sent a heartbeat on this clock yet.
    if (jumped) steadySince = performance.now()
    return seenAt
  }

  /** The setting may be turned off while nodes run. */
  function tellOfFsync(now: string | undefined): void {
    if (off !== null && now !== undefined && now !== off)
      log.error(
        { off: now },
        'The server now runs without fsync or full_page_writes: a crash of its machine can lose acknowledged charges. Turn them on again.',
      )
    if (off && now === undefined) log.info({}, 'The server runs with fsync and full_page_writes again.')
    off = now
  }

  async function tick(): Promise<void> {
    const startedAt = performance.now()
    try {
      const seenAt = await beat()
      const now = performance.now()
      if (outage) log.info({}, 'Database available again.')
      outage = false
      // A node that was paused, or without the database, does not know what the others did meanwhile.
      if (now - startedAt > DEAD_AFTER_MS / 2) steadySince = now
      if (now - steadySince > DEAD_AFTER_MS) tidying.begin(seenAt, now - steadySince > KEEP_GROUPS_MS)
    } catch (error) {
      steadySince = performance.now()
      if (!outage) log.warn({ cause: storeError(error).message }, 'Database unavailable.')
      outage = true
    }
    next()
  }

  function next(): void {
    if (stopped) return
    const due = performance.now() + BEAT_MS
    timer = setTimeout(() => {
      if (performance.now() - due > DEAD_AFTER_MS / 2) steadySince = performance.now()
      last = tick()
    }, BEAT_MS)
    timer.unref()
  }

  await beat()
  next()
  return {
    beat: async () => void (await beat()),
    others: () => others,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await last
      await tidying.ended()
      await beats.use((connection) => connection.run(leave(node))).catch(() => {})
    },
  }
}

/** Frees the work of dead nodes, independent of the heartbeats, one run after the other. */
function tidyingUp(pool: Pool, log: Log) {
  let purgedAt = performance.now()
  let running: Promise<void> | undefined

  async function tidy(seenAt: number, purges: boolean): Promise<void> {
    try {
      await freeLeases(pool, seenAt, log)
      if (!purges || performance.now() - purgedAt <= PURGE_EVERY_MS) return
      purgedAt = performance.now()
      await pool.use((connection) => connection.run(purgesAsOf(seenAt)))
    } catch (error) {
      if (error instanceof StoreUnavailable && error.reason === 'closing') return
      const cause = storeError(error).message
      log.warn({ cause }, 'The work of dead nodes could not be released yet; MiniPay retries.')
    }
  }

  return {
    /** Unless a run is in progress. With `purges`, when the clock has run for long, it also deletes old rows. */
    begin(seenAt: number, purges: boolean): void {
      running ??= tidy(seenAt, purges).finally(() => {
        running = undefined
      })
    },
    ended: async () => running,
  }
}

const TIME = `
  SELECT ${NOW} AS now,
    (SELECT count(*) FROM nodes WHERE id <> $1 AND seen_at >= ${NOW} - ${DEAD_AFTER_MS}) AS others,
    current_setting('fsync', true) AS fsync,
    current_setting('full_page_writes', true) AS full_page_writes`

const BEAT = `
  INSERT INTO nodes (id, seen_at) VALUES ($1, ${NOW})
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
  RETURNING seen_at`

type Time = {
  readonly now: number
  readonly others: number
  readonly fsync: string | null
  readonly full_page_writes: string | null
}

/**
 * Reads the clock after the heartbeat, so it sees a clock that was set before or since, before it declares a node
 * dead.
 */
async function beatOn(
  connection: Connection,
  node: string,
  clock: Clock,
): Promise<{ seenAt: number; jumped: boolean; others: boolean; off: string | undefined }> {
  const [beat] = await connection.run([{ text: BEAT, values: [node] }])
  const sentAt = performance.now()
  const [time] = await connection.run([{ text: TIME, values: [node] }])
  const { now, others, fsync, full_page_writes } = (time as Result).rows[0] as unknown as Time
  const jumped = clock.sample(now, sentAt, performance.now())
  return {
    seenAt: beat?.rows[0]?.['seen_at'] as number,
    jumped,
    others: others > 0,
    off: unsafeSettings({ fsync, full_page_writes }),
  }
}

/**
 * The time of our last heartbeat ($1), which is on the same clock as the others'. Not the current time: this
 * statement may run late, on a paused server or after the clock was set, before the others have sent another
 * heartbeat. A clock that was set back makes no node dead either. As a subquery it is one value, for which PostgreSQL
 * can use an index.
 */
const AS_OF = `(SELECT least($1::bigint, ${NOW}))`

const ABSENT = `owner IS NOT NULL AND owner NOT IN (SELECT id FROM nodes WHERE seen_at >= ${AS_OF} - ${DEAD_AFTER_MS})`

/**
 * Leased work is due at once. An attempt that was being sent becomes unknown, because its sender can no longer report
 * the outcome.
 */
const free = (whose: string) =>
  [
    `WITH leased AS (SELECT id FROM notifications WHERE ${whose} FOR UPDATE SKIP LOCKED)
     UPDATE notifications n SET due_at = n.received_at, token = NULL, owner = NULL FROM leased h WHERE n.id = h.id`,
    `WITH leased AS (
       SELECT id FROM attempts
       WHERE ${whose} AND owner IS NOT NULL AND state <> 'sending' ORDER BY id FOR UPDATE SKIP LOCKED)
     UPDATE attempts t SET due_at = 0, token = NULL, owner = NULL FROM leased h WHERE t.id = h.id`,
    `WITH leased AS (
       SELECT id, account_id, live FROM attempts
       WHERE ${whose} AND state = 'sending' ORDER BY id FOR UPDATE SKIP LOCKED),
     freed AS (
       UPDATE attempts t
       SET state = 'unknown', reason = 'left unfinished, possibly by a crash', unknown_since = t.started_at,
         due_at = 0, token = NULL, owner = NULL
       FROM leased h WHERE t.id = h.id
       RETURNING t.id),
     counted AS (
       INSERT INTO counters AS k (account_id, live, name, currency, part, value)
       SELECT h.account_id, h.live, n.name, '', 1, sum(n.change)
       FROM leased h
       CROSS JOIN (VALUES ('attempts_sending', -1), ('attempts_unknown', 1)) AS n (name, change)
       GROUP BY h.account_id, h.live, n.name
       ORDER BY h.account_id, h.live, n.name
       ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value),
     moves AS (SELECT id, 'unknown' AS state, 1 AS change FROM leased),
     ${movedCalls('moves')}
     SELECT id FROM freed`,
  ] as const

/**
 * Only of a node that stops. Leases of cursors are short and end by themselves: the holder, which may only be slow, relies
 * on their time.
 */
const FREE_CURSORS = `
  UPDATE webhook_cursors SET token = NULL, owner = NULL, lease_until = NULL WHERE owner = $1`

const FREE_ABSENT = free(ABSENT)
const FREE_MINE = [...free('owner = $1'), FREE_CURSORS]

/** One after another: each is its own transaction, and changes the rows of one table. */
async function freeLeases(pool: Pool, seenAt: number, log: Log): Promise<void> {
  let freed = 0
  for (const statement of freeAbsentAsOf(seenAt))
    freed += (await pool.use((connection) => connection.run([statement])))[0]?.count ?? 0
  if (freed > 0) log.info({ freed }, 'Took over the work of a dead node.')
}

/** The statements that free the leases of nodes that were dead at our last heartbeat. */
export function freeAbsentAsOf(seenAt: number): Statement[] {
  return FREE_ABSENT.map((text) => ({ text, values: [seenAt] }))
}

/** The statements that free an owner's leases. */
export function freeLeasesOf(owner: string): { readonly text: string; readonly values: string[] }[] {
  return FREE_MINE.map((text) => ({ text, values: [owner] }))
}

function leave(node: string): Statement[] {
  return [...freeLeasesOf(node), { text: 'DELETE FROM nodes WHERE id = $1', values: [node] }]
}

const PURGE_GROUPS = `DELETE FROM commit_groups WHERE created_at < ${AS_OF} - ${KEEP_GROUPS_MS}`
const PURGE_NODES = `DELETE FROM nodes WHERE seen_at < ${AS_OF} - ${PURGE_EVERY_MS}`

/** The statements that delete groups and nodes that were old at our last heartbeat. */
export function purgesAsOf(seenAt: number): Statement[] {
  return [PURGE_GROUPS, PURGE_NODES].map((text) => ({ text, values: [seenAt] }))
}
