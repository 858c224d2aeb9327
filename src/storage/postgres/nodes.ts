import type { Log } from '../../ports/log.ts'
import { type Clock, NOW } from './clock.ts'
import type { Connection } from './connection.ts'
import { unavailable } from './errors.ts'
import type { Pool } from './pool.ts'

const BEAT_MS = 1_000
/** A node that was not seen for so long is gone, and what it leased is due. */
export const GONE_MS = 5_000
/** Ids of groups are kept for longer than anybody asks for them. */
const KEEP_GROUPS_MS = 600_000
const PURGE_EVERY_MS = 60_000

export type Heartbeat = {
  /** Says now that this node is there: a real write. */
  beat(): Promise<void>
  /** Says no more, and frees what this node still holds. */
  stop(): Promise<void>
}

/**
 * Tells the others every second that this node is there, and frees the leases of those that are not. After an outage
 * of the database nobody was seen for long: so only a node judges that was heard itself for as long without a break.
 */
export async function startHeartbeat(pool: Pool, node: string, clock: Clock, log: Log): Promise<Heartbeat> {
  let steadySince = performance.now()
  let purgedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let last: Promise<void> = Promise.resolve()

  const beat = () => pool.use((connection) => beatOn(connection, node, clock))

  async function tick(): Promise<void> {
    const began = performance.now()
    try {
      await beat()
      const now = performance.now()
      // Whoever was away may not know what the others did meanwhile: paused, or without the database.
      if (now - began > GONE_MS / 2) steadySince = now
      if (now - steadySince > GONE_MS) await freeLeases(pool, log)
      if (now - purgedAt > PURGE_EVERY_MS) {
        purgedAt = now
        await pool.use((connection) => connection.run(PURGE))
      }
    } catch (error) {
      steadySince = performance.now()
      log.warn({ cause: unavailable(error).message }, 'The database was out of reach.')
    }
    next()
  }

  function next(): void {
    if (stopped) return
    const due = performance.now() + BEAT_MS
    timer = setTimeout(() => {
      if (performance.now() - due > GONE_MS / 2) steadySince = performance.now()
      last = tick()
    }, BEAT_MS)
    timer.unref()
  }

  await beat()
  next()
  return {
    beat,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await last
      await pool.use((connection) => connection.run(leave(node))).catch(() => {})
    },
  }
}

const TIME = `SELECT ${NOW} AS now`

const BEAT = `
  INSERT INTO nodes (id, seen_at) VALUES ($1, ${NOW})
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`

async function beatOn(connection: Connection, node: string, clock: Clock): Promise<void> {
  const asked = performance.now()
  const [time] = await connection.run([{ text: TIME }])
  clock.sample(time?.rows[0]?.['now'] as number, asked, performance.now())
  await connection.run([{ text: BEAT, values: [node] }])
}

const ABSENT = `owner IS NOT NULL AND owner NOT IN (SELECT id FROM nodes WHERE seen_at >= ${NOW} - ${GONE_MS})`

/**
 * What was leased is due at once, as it was before it was claimed. What was being sent is unknown: whoever sent it can't
 * say any more how it ended.
 */
const free = (whose: string) =>
  [
    `UPDATE deliveries SET due_at = created_at, token = NULL, owner = NULL WHERE ${whose}`,
    `UPDATE notifications SET due_at = received_at, token = NULL, owner = NULL WHERE ${whose}`,
    `WITH held AS (
       SELECT id, account_id, live, state FROM attempts WHERE ${whose} ORDER BY id FOR UPDATE),
     freed AS (
       UPDATE attempts t
       SET state = CASE h.state WHEN 'sending' THEN 'unknown' ELSE h.state END,
         reason = CASE h.state WHEN 'sending' THEN 'left unfinished, perhaps by a crash' ELSE t.reason END,
         unknown_since = CASE h.state WHEN 'sending' THEN t.started_at ELSE t.unknown_since END,
         due_at = 0,
         token = NULL,
         owner = NULL
       FROM held h WHERE t.id = h.id
       RETURNING t.id),
     counted AS (
       INSERT INTO counters AS k (account_id, live, name, currency, part, value)
       SELECT h.account_id, h.live, n.name, '', 1, sum(n.change)
       FROM held h
       CROSS JOIN (VALUES ('attempts_sending', -1), ('attempts_unknown', 1)) AS n (name, change)
       WHERE h.state = 'sending'
       GROUP BY h.account_id, h.live, n.name
       ORDER BY h.account_id, h.live, n.name
       ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
     SELECT id FROM freed`,
  ] as const

const FREE_ABSENT = free(ABSENT)
const FREE_MINE = free('owner = $1')

/** One after another: each is a transaction of its own, and takes the rows of one table. */
async function freeLeases(pool: Pool, log: Log): Promise<void> {
  let freed = 0
  for (const text of FREE_ABSENT)
    freed += (await pool.use((connection) => connection.run([{ text }])))[0]?.count ?? 0
  if (freed > 0) log.info({ freed }, 'Took over the work of a node that is gone.')
}

/** The statements that free what an owner leased. */
export function freeLeasesOf(owner: string): { readonly text: string; readonly values: string[] }[] {
  return FREE_MINE.map((text) => ({ text, values: [owner] }))
}

function leave(node: string) {
  return [...freeLeasesOf(node), { text: 'DELETE FROM nodes WHERE id = $1', values: [node] }]
}

const PURGE = [
  { text: `DELETE FROM commit_groups WHERE created_at < ${NOW} - ${KEEP_GROUPS_MS}` },
  { text: `DELETE FROM nodes WHERE seen_at < ${NOW} - ${PURGE_EVERY_MS}` },
]
