/** Checks of a starting node on a server: limits, settings that MiniPay overrides, and a pooler in between. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Log } from '../../ports/log.ts'
import { codeOf } from './errors.ts'
import { UnfitServer, unsafeSettings } from './session.ts'

/** The pools' connections, and the one of a start. */
const CONNECTIONS_NEEDED = 12
/** The time-out for a response that comes at once, unless a pooler has no free connection. */
const RESPONSE_MS = 1_000

/**
 * Checks the server of a new connection; returns the schema of the tables. `another` opens a second connection for
 * the check. Rejects with `UnfitServer` if a pooler gives one session to several clients.
 */
export async function checkServer(client: Client, another: () => Promise<Client>, log: Log): Promise<string> {
  await tellOfSettings(client, log)
  await tellOfLimit(client, log)
  const { rows } = await client.query<{ schema: string; pid: number }>(
    'SELECT current_schema() AS schema, pg_backend_pid() AS pid',
  )
  const [found] = rows
  // PostgreSQL itself sends each client the id of its process; a pooler has to invent one.
  const { processID } = client as Client & { processID?: number | null }
  if (found && processID !== found.pid) await refuseSharedSessions(client, another)
  return found?.schema ?? ''
}

/** `reset_val` is the value without MiniPay's settings. */
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
  const off = unsafeSettings({ fsync: settingOf('fsync'), full_page_writes: settingOf('full_page_writes') })
  if (off !== undefined)
    // MiniPay accepted it because of a setting, or because it is a server for tests: see `session`.
    log.info(
      { off },
      'The server runs without fsync or full_page_writes: a crash of its machine can lose acknowledged charges. Use it for throwaway data, or with storage that is durable without them.',
    )
}

/** The lowest of three limits; -1 means none. */
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

/** A pooler that takes its sessions in turn is detected within this many statements. */
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
 * If a session belongs to one transaction only, our statements run in several sessions; or another's transaction gets
 * our former session, and our next statement runs in a third one, or waits.
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
  const response = pidOf(client)
  const after = await Promise.race([response, delay(RESPONSE_MS, undefined, { ref: false })])
  await other.query('ROLLBACK')
  await response
  return !before.has(after) || before.has(theirs)
}

async function pidOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid
}
