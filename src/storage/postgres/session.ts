/**
 * The settings of each session, which override those of the server, the database, the role and the URL; and checks of
 * settings that a session cannot change.
 */
import type { Client } from 'pg'
import { ConnectionLost } from './errors.ts'

/** The policy for a server without fsync or full_page_writes: refuse it, accept it, or accept it on this machine. */
export type WithoutFsync = 'refuse' | 'allow' | 'local'

export type SessionOptions = {
  /** Settings of this kind of session. */
  readonly settings?: Readonly<Record<string, string>>
  /** The schema of the tables: `search_path` may change while nodes run. The first of `search_path` unless given. */
  readonly schema?: string
  /** Whether a commit must survive a crash of the server's machine; `allow` unless given. */
  readonly withoutFsync?: WithoutFsync
}

/** MiniPay cannot work with the server, or with a pooler in between. Waiting does not help. */
export class UnfitServer extends Error {
  override readonly name = 'UnfitServer'
}

const OLDEST = 14
/** Kinds that are at least as durable as `on`. */
const DURABLE = ['on', 'remote_apply']

/** A role or a database may have set each of these for other programs. */
const COMMON: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  // Guards lock rows and then read committed data: they would fail under an older snapshot.
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // A policy that hides rows from MiniPay is an error; MiniPay never books without those rows.
  row_security: 'off',
  lock_timeout: '0',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  // Since PostgreSQL 17.
  transaction_timeout: '0',
}

/** Skips settings that the server does not have. Only another SET overrides a value that is set here. */
function settingsQuery(names: readonly string[]): string {
  const set = names.map(
    (name, i) =>
      `CASE WHEN current_setting('${name}', true) IS NOT NULL THEN set_config('${name}', $${i + 2}, false) END`,
  )
  return `
    SELECT ${set.join(', ')},
      CASE WHEN coalesce($1::text, current_schema()::text) IS NOT NULL
        THEN set_config('search_path', quote_ident(coalesce($1::text, current_schema()::text)), false) END,
      set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)`
}

const LOOK = `
  SELECT version() AS version,
    current_setting('server_version_num')::integer AS number,
    pg_is_in_recovery() AS recovering,
    current_setting('transaction_read_only') AS read_only,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('default_transaction_isolation') AS isolation,
    current_setting('client_encoding') AS encoding,
    current_setting('standard_conforming_strings') AS strings,
    current_setting('fsync', true) AS fsync,
    current_setting('full_page_writes', true) AS full_page_writes,
    current_schema() AS schema`

type SessionSettings = {
  readonly version: string
  readonly number: number
  readonly recovering: boolean
  readonly read_only: string
  readonly synchronous_commit: string
  readonly isolation: string
  readonly encoding: string
  readonly strings: string
  /** Null on other programs that speak PostgreSQL's protocol. */
  readonly fsync: string | null
  readonly full_page_writes: string | null
  readonly schema: string | null
}

/**
 * Sets a new session, and reads it again. Rejects with `ConnectionLost` if the server accepts no writes now, and with
 * `UnfitServer` if MiniPay cannot work with it.
 */
export async function prepareSession(client: Client, wanted: SessionOptions = {}): Promise<void> {
  const settings = { ...COMMON, ...wanted.settings }
  const values = [wanted.schema ?? null, ...Object.values(settings)]
  await client.query(settingsQuery(Object.keys(settings)), values)
  const { rows } = await client.query<SessionSettings>(LOOK)
  assertFit(rows[0] as SessionSettings, wanted, client.host)
}

/** Throws the problem of a session on that host; see `prepareSession`. */
export function assertFit(
  settings: SessionSettings,
  { withoutFsync = 'allow' }: SessionOptions,
  host: string,
): void {
  if (settings.recovering) throw new ConnectionLost('The server takes no writes: it is a standby.')
  if (settings.read_only === 'on')
    throw new ConnectionLost(
      'The server takes no writes: default_transaction_read_only is on for it, the database or the role.',
    )
  if (settings.number < OLDEST * 10_000 && isPostgreSQL(settings.version))
    throw new UnfitServer(
      `${/^\S+ \S+/.exec(settings.version)?.[0]} is too old: MiniPay needs PostgreSQL ${OLDEST} or newer.`,
    )
  if (settings.schema === null)
    throw new UnfitServer(
      'No schema to keep tables in: search_path names none that is there. Set it for the role, or in the URL: ?options=-csearch_path%3Dpublic.',
    )
  const set =
    DURABLE.includes(settings.synchronous_commit) &&
    settings.isolation === 'read committed' &&
    settings.encoding === 'UTF8' &&
    settings.strings === 'on'
  if (!set)
    throw new UnfitServer(
      'Settings of a session are lost: a pooler in between gives one session to several. Use session pooling, or connect to PostgreSQL itself.',
    )
  const off = unsafeSettings(settings)
  if (off !== undefined && !isAcceptedWithoutFsync(withoutFsync, host))
    throw new UnfitServer(
      `The server runs with ${off}, so that a crash of its machine can lose acknowledged charges or damage the database. Turn it on. ` +
        'For a throwaway database, or storage that is durable without it, see --without-fsync.',
    )
}

/** YugabyteDB reports an older PostgreSQL version, but is not PostgreSQL. */
const isPostgreSQL = (version: string) => /^PostgreSQL (?!\S*-YB-)/.test(version)

/** The unsafe setting, such as `fsync=off`; undefined if commits are durable. */
export function unsafeSettings(
  settings: Pick<SessionSettings, 'fsync' | 'full_page_writes'>,
): string | undefined {
  const off = [
    ...(settings.fsync === 'off' ? ['fsync=off'] : []),
    ...(settings.full_page_writes === 'off' ? ['full_page_writes=off'] : []),
  ]
  return off.length > 0 ? off.join(' and ') : undefined
}

/** Whether MiniPay accepts a server on this host that runs without fsync. */
export function isAcceptedWithoutFsync(withoutFsync: WithoutFsync, host: string): boolean {
  if (withoutFsync !== 'local') return withoutFsync === 'allow'
  return /^(localhost|127\.[\d.]+|::1|\/.*)$/.test(host)
}
