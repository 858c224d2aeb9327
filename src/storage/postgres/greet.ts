/** What a node that starts looks at before it trusts a server: limits, settings that it overrides, and a pooler in between. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Log } from '../../ports/log.ts'
import { codeOf } from './errors.ts'
import { offOf, UnfitServer } from './session.ts'

/** The pools' connections, and the one of a start. */
const CONNECTIONS_NEEDED = 11
/** For an answer to a question that is answered at once, unless a pooler has no connection left. */
const ANSWER_MS = 1_000

/**
 * Looks at the server behind a new connection; answers the schema that the tables are in. `another` opens a second
 * connection, for the time of the look. Rejects with `UnfitServer` when a pooler gives one session to several.
 */
export async function greet(client: Client, another: () => Promise<Client>, log: Log): Promise<string> {
  await tellOfSettings(client, log)
  await tellOfLimit(client, log)
  const { rows } = await client.query<{ schema: string; pid: number }>(
    'SELECT current_schema() AS schema, pg_backend_pid() AS pid',
  )
  const [found] = rows
  // PostgreSQL itself tells each client the process that serves it; a pooler has to make a number up.
  const { processID } = client as Client & { processID?: number | null }
  if (found && processID !== found.pid) await refuseSharedSessions(client, another)
  return found?.schema ?? ''
}

/** What the session would have without us is `reset_val`. */
const SETTINGS = `
  SELECT name, reset_val AS value FROM pg_settings
  WHERE name IN ('synchronous_commit', 'default_transaction_isolation', 'fsync', 'full_page_writes')`

async function tellOfSettings(client: Client, log: Log): Promise<void> {
  const { rows } = await client.query<{ name: string; value: string }>(SETTINGS)
  const settingOf = (name: string) => rows.find((row) => row.name === name)?.value ?? ''
  const synchronousCommit = settingOf('synchronous_commit')
  if (!['on', 'remote_apply', ''].includes(synchronousCommit))
    log.warn(
      { synchronous_commit: synchronousCommit },
      'With this setting the server acknowledges commits that a crash can lose. MiniPay sets synchronous_commit=on in its sessions.',
    )
  const isolation = settingOf('default_transaction_isolation')
  if (!['read committed', ''].includes(isolation))
    log.warn(
      { default_transaction_isolation: isolation },
      'MiniPay sets default_transaction_isolation=read committed in its sessions.',
    )
  const off = offOf({ fsync: settingOf('fsync'), full_page_writes: settingOf('full_page_writes') })
  if (off !== undefined)
    // It was taken because a setting says so, or because it is a server for tests: see `session`.
    log.info(
      { off },
      'The server runs without fsync or full_page_writes: a crash of its machine can lose acknowledged charges. Use it for throwaway data, or with storage that is durable without them.',
    )
}

/** The lowest of three limits; -1 is none. */
const LIMIT = `
  SELECT least(
    current_setting('max_connections', true)::integer
      - coalesce(current_setting('superuser_reserved_connections', true), '0')::integer
      - coalesce(current_setting('reserved_connections', true), '0')::integer,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user AND NOT rolsuper),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS limit`

async function tellOfLimit(client: Client, log: Log): Promise<void> {
  const { rows } = await client.query<{ limit: number }>(LIMIT)
  const limit = rows[0]?.limit ?? CONNECTIONS_NEEDED
  if (limit < CONNECTIONS_NEEDED)
    log.warn(
      { allowed: limit, needed: CONNECTIONS_NEEDED },
      'The server, the role or the database allows fewer connections than a node opens. Raise the limit.',
    )
}

/** A pooler that takes its sessions in turn shows itself within so many statements. */
const STATEMENTS = 8

async function refuseSharedSessions(client: Client, another: () => Promise<Client>): Promise<void> {
  const other = await another()
  try {
    if (!(await isShared(client, other))) return
  } finally {
    await other.end().catch(() => {})
  }
  throw new UnfitServer(
    "A pooler in between gives a session to each transaction or statement, which loses MiniPay's settings and prepared statements. " +
      'Use session pooling (pool_mode=session), or connect to PostgreSQL itself.',
  )
}

/**
 * Where a session belongs to a transaction only, our statements run in several; or another's transaction takes the session
 * that we had a moment ago, and our next statement runs in a third, or waits.
 */
async function isShared(client: Client, other: Client): Promise<boolean> {
  const before = new Set<number | undefined>()
  for (let i = 0; i < STATEMENTS; i++) before.add(await pidOf(client))
  if (before.size > 1) return true
  try {
    await other.query('BEGIN')
  } catch (error) {
    // A protocol violation: the pooler gives a session to each statement.
    if (codeOf(error) === '08P01') return true
    throw error
  }
  const theirs = await pidOf(other)
  const asked = pidOf(client)
  const after = await Promise.race([asked, delay(ANSWER_MS, undefined, { ref: false })])
  await other.query('ROLLBACK')
  await asked
  return !before.has(after) || before.has(theirs)
}

async function pidOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid
}
