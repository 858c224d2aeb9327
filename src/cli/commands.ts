/** Every command: its summary, its settings, and the code that runs it. */
import { type Config, ConfigError, type Given, SETTINGS, type SettingKey } from '../config.ts'
import { isPostgres, publicName } from '../database-name.ts'
import { engineOf } from '../storage/engine.ts'
import { SchemaMismatch } from '../storage/migrations.ts'
import { accountsTask } from './accounts.ts'
import { withAdministration } from './administration.ts'
import { apiClient } from './api.ts'
import { AUDIT_FLAGS, AUDIT_WORDS, auditTask } from './audit.ts'
import {
  ATTEMPTS_HELP,
  AUDIT_HELP,
  DEMO_DOCS,
  DEMO_HELP,
  SIMULATOR_DOCS,
  TRIGGER_HELP,
  VERIFY_HELP,
} from './details.ts'
import { KEY_FLAGS, KEYS_HELP, keysTask } from './keys.ts'
import { LISTEN_FLAGS, LISTEN_HELP } from './listen-help.ts'
import { WEBHOOKS_HELP } from './webhooks-help.ts'

/** Flags of one command alone, with their values. */
type Flags = Readonly<Record<string, string>>

export type Command = {
  readonly summary: string
  readonly settings: readonly SettingKey[]
  /** Defaults that differ from those of the settings. */
  readonly defaults?: Readonly<Partial<Record<SettingKey, string>>>
  /** What settings mean to the command, where it is not what they mean to the server. */
  readonly docs?: Readonly<Partial<Record<SettingKey, string>>>
  /** The words that may follow the command, as its help writes them; none unless given. */
  readonly words?: string
  /** Flags that are no setting, each with a value. */
  readonly flags?: readonly string[]
  /** More lines of its help: its forms, and its flags. */
  readonly details?: string
  /** Returns the exit status. */
  readonly run: (config: Config, words: readonly string[], flags: Flags, given: Given) => Promise<number>
}

/** Settings of other commands than serve. */
const NOT_OF_SERVE: readonly SettingKey[] = [
  'server',
  'key',
  'simulatorSecret',
  'simulatorNotify',
  'copyFrom',
  'copyTo',
]

/** Every command. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'Serve the API and deliver webhooks until SIGTERM or SIGINT.',
    settings: (Object.keys(SETTINGS) as SettingKey[]).filter((key) => !NOT_OF_SERVE.includes(key)),
    run: serve,
  },
  stop: {
    summary: 'Stop the server of this database, on this machine, and wait until it has ended.',
    settings: ['database', 'shutdownTimeoutMs'],
    run: stopServer,
  },
  verify: {
    summary:
      'Check the books and the hash chains: every balance, transaction and row. Exit status 1 if something is wrong.',
    settings: ['database'],
    words: '[--since HEAD|FILE]',
    flags: ['since'],
    details: VERIFY_HELP,
    async run(config, words, { since }) {
      if (words.length > 0) throw new ConfigError('Usage: minipay verify [--since HEAD|FILE]')
      return (await import('./verify.ts')).verifyBooks(config, since)
    },
  },
  migrate: {
    summary: "Upgrade the database to this version's schema. serve also does this at its start.",
    settings: ['database'],
    run: bringToSchema,
  },
  backup: {
    summary: 'Copy the database to a file, even while it is served, and check the copy.',
    settings: ['database'],
    words: 'FILE',
    run: async ({ database }, words) => (await import('./backup.ts')).makeBackup('backup', database, words),
  },
  restore: {
    summary: 'Restore a backup to a place where no database exists, and check it.',
    settings: ['database'],
    words: 'FILE',
    run: async ({ database }, words) => (await import('./backup.ts')).makeBackup('restore', database, words),
  },
  copy: {
    summary:
      'Copy a SQLite database into an empty PostgreSQL database. Run again to continue after an interruption.',
    settings: ['copyFrom', 'copyTo'],
    run: copyToPostgres,
  },
  epoch: {
    summary: 'List the epochs of event numbers, or begin one after a restore that MiniPay cannot detect.',
    settings: ['database'],
    words: '[begin]',
    run: epoch,
  },
  demo: {
    summary: 'Fill a new database with a month of payments of a shop in test mode, to try things out.',
    settings: ['database', 'secretsKey'],
    docs: DEMO_DOCS,
    words: '[--seed N]',
    flags: ['seed'],
    details: DEMO_HELP,
    run: async (config, words, flags) => (await import('./demo.ts')).demo(config, words, flags),
  },
  simulator: {
    summary:
      'Run a simulator, a payment processor for experiments: the other side of a provider of the kind http.',
    settings: ['port', 'host', 'database', 'simulatorSecret', 'simulatorNotify'],
    defaults: { port: '9001', database: 'simulator.db' },
    docs: SIMULATOR_DOCS,
    run: runSimulator,
  },
  routing: {
    summary: 'Print, replace or reset the routing rules, or simulate other rules on recent charges.',
    settings: ['server', 'key'],
    words: '[set FILE | simulate FILE | reset]',
    run: routing,
  },
  attempts: {
    summary: 'List provider calls with an unknown outcome, or record an outcome by hand.',
    settings: ['server', 'key'],
    words: '[resolve ID succeeded|failed [REFERENCE] [--amount N]]',
    flags: ['amount'],
    details: ATTEMPTS_HELP,
    run: attempts,
  },
  alarms: {
    summary: 'List the open alarms, raised when a provider contradicts the books, or close one.',
    settings: ['server', 'key'],
    words: '[close ID REASON [AMOUNT]]',
    run: alarms,
  },
  webhooks: {
    summary: 'Manage webhook endpoints; list failed webhooks, and send them again.',
    settings: ['server', 'key'],
    words: '[endpoints … | show ID | retry [FILTER …] | replay ENDPOINT failed|past]',
    details: WEBHOOKS_HELP,
    run: webhooks,
  },
  listen: {
    summary: 'Post the events of a server to a receiver on this machine, signed as webhooks.',
    settings: ['server', 'key'],
    words: '--forward-to URL [--events payment.*] [--secret whsec_…] [--after N]',
    flags: LISTEN_FLAGS,
    details: LISTEN_HELP,
    run: listenToEvents,
  },
  trigger: {
    summary: 'Make a real event in test mode, such as payment.refunded.',
    settings: ['server', 'key'],
    words: 'TYPE | --list',
    flags: ['list'],
    details: TRIGGER_HELP,
    run: triggerEvent,
  },
  keys: {
    summary: 'List the API keys, or make, roll, revoke or rename one.',
    settings: ['database', 'server', 'key'],
    words: '[create NAME | roll ID | revoke ID | rename ID NAME]',
    flags: KEY_FLAGS,
    details: KEYS_HELP,
    run: async (config, words, flags, given) =>
      withAdministration(config, given, keysTask(words, flags, Date.now())),
  },
  secrets: {
    summary: 'Make a key for the stored secrets, or encrypt the secrets under the newest key.',
    settings: ['database', 'secretsKey'],
    words: 'new-key | rotate',
    run: async (config, words) => (await import('./secrets.ts')).secrets(config, words),
  },
  accounts: {
    summary: 'List the accounts, or make, rename or close one.',
    settings: ['database', 'server', 'key'],
    words: '[create NAME | rename ID NAME | close ID]',
    run: async (config, words, _, given) => withAdministration(config, given, accountsTask(words)),
  },
  audit: {
    summary: 'Print the audit log, newest first.',
    settings: ['database', 'server', 'key'],
    words: AUDIT_WORDS,
    flags: AUDIT_FLAGS,
    details: AUDIT_HELP,
    run: async (config, words, flags, given) =>
      withAdministration(config, given, auditTask(words, flags, Date.now())),
  },
  version: { summary: 'Print the version.', settings: [], run: printVersion },
}

async function serve(config: Config): Promise<number> {
  const { serveUntilSignal } = await import('../serve.ts')
  const status = await serveUntilSignal(config, {
    onListening(address) {
      if (!process.stdout.isTTY) return
      const orStop = isPostgres(config.database) ? '' : ', and so does minipay stop'
      console.error(
        `\n  MiniPay listens on ${address}\n  API reference: ${address}/docs\n` +
          `  Its process id is ${process.pid}; Ctrl-C stops it${orStop}\n`,
      )
    },
    onError: (error, doing) => console.error(`minipay: ${doing}${sentence(error)}`),
  })
  // A log without a reader would keep the process alive.
  process.exit(status)
}

async function stopServer({ database, shutdownTimeoutMs }: Config): Promise<number> {
  if (isPostgres(database))
    throw new ConfigError(
      'minipay stop works for SQLite files only. Several nodes may serve a PostgreSQL database: ' +
        'send SIGTERM to each node. Its first log line has its process id (pid).',
    )
  const { stop } = await import('./stop.ts')
  return stop(database, shutdownTimeoutMs)
}

async function bringToSchema({ database }: Config): Promise<number> {
  const { applied, version, slicesDue } = await (await engineOf(database)).migrate({
    onMigration: (name) => console.log(`applying ${name} …`),
    onFold: (index, done, all) => console.log(`building the index of ${index}: ${done} of ${all} rows`),
  })
  for (const name of applied) console.log(`applied ${name}`)
  console.log(`${publicName(database)} is at schema ${version}.`)
  if (slicesDue)
    console.log(
      'A server that uses it sums older transfers in the background. Balances of past times and totals by day are slower until then.',
    )
  return 0
}

async function epoch({ database }: Config, [verb, ...more]: readonly string[]): Promise<number> {
  const { epochBegin, epochList } = await import('./epoch.ts')
  if (verb === undefined) return epochList(database)
  if (verb === 'begin' && more.length === 0) return epochBegin(database)
  throw new ConfigError('Usage: minipay epoch, or minipay epoch begin.')
}

async function copyToPostgres({ copyFrom, copyTo }: Config): Promise<number> {
  if (!copyTo) throw new ConfigError('Give the database to copy to: --to postgres://… or MINIPAY_COPY_TO.')
  const { copy } = await import('./copy.ts')
  return copy(copyFrom, copyTo)
}

async function runSimulator(config: Config): Promise<number> {
  const { host, port, database, simulatorSecret: secret, simulatorNotify: notify } = config
  if (!secret)
    throw new ConfigError('The simulator needs a secret. Set MINIPAY_SIMULATOR_SECRET, or give --secret.')
  if (isPostgres(database))
    throw new ConfigError(
      'The simulator stores its payments in a SQLite file, and the setting names a PostgreSQL server. Give --database simulator.db.',
    )
  const { startSimulator } = await import('../simulator/server.ts')
  const { lockDatabase } = await import('../storage/sqlite/lock.ts')
  const { writePid } = await import('../storage/sqlite/pid.ts')
  const lock = lockDatabase(database, { application: null })
  const simulator = await startSimulator({ host, port, database: lock.place, secret, notify })
  const pid = writePid(lock.place)
  console.log(`The simulator is at ${simulator.address}\nIts process id is ${process.pid}`)
  await new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  await simulator.close()
  pid.remove()
  lock.release()
  return 0
}

async function routing(config: Config, words: readonly string[]): Promise<number> {
  const api = apiClient(config)
  const { routingReset, routingSet, routingShow, routingSimulate } = await import('./routing.ts')
  const [verb, file, ...more] = words
  if (verb === undefined) return routingShow(api)
  if (verb === 'reset' && file === undefined) return routingReset(api)
  if (verb === 'set' && file !== undefined && more.length === 0) return routingSet(api, file)
  if (verb === 'simulate' && file !== undefined && more.length === 0) return routingSimulate(api, file)
  throw new ConfigError('Usage: minipay routing, or minipay routing set FILE, simulate FILE or reset.')
}

async function attempts(config: Config, words: readonly string[], flags: Flags): Promise<number> {
  const api = apiClient(config)
  const { attemptsList, attemptsResolve } = await import('./attempts.ts')
  const [verb, id, outcome, reference, ...more] = words
  if (verb === undefined) return attemptsList(api)
  const known = outcome === 'succeeded' || outcome === 'failed'
  const { amount } = flags
  const counts = amount === undefined || /^[1-9]\d{0,15}$/.test(amount)
  if (verb === 'resolve' && id !== undefined && known && counts && more.length === 0)
    return attemptsResolve(api, id, outcome, {
      reference,
      amount: amount === undefined ? undefined : Number(amount),
    })
  throw new ConfigError(
    'Usage: minipay attempts, or minipay attempts resolve ID succeeded|failed [REFERENCE] [--amount N], in minor units.',
  )
}

async function alarms(config: Config, words: readonly string[]): Promise<number> {
  const api = apiClient(config)
  const { alarmsClose, alarmsList } = await import('./alarms.ts')
  const [verb, id, reason, amount, ...more] = words
  if (verb === undefined) return alarmsList(api)
  const known = amount === undefined || /^\d{1,16}$/.test(amount)
  if (verb === 'close' && id !== undefined && reason && known && more.length === 0)
    return alarmsClose(api, id, reason, amount === undefined ? undefined : Number(amount))
  throw new ConfigError(
    'Usage: minipay alarms, or minipay alarms close ID REASON [AMOUNT]. Quote the reason; the amount is in minor units.',
  )
}

async function webhooks(config: Config, [verb, ...words]: readonly string[]): Promise<number> {
  const api = apiClient(config)
  const { webhooksList, webhooksRetry, webhooksShow } = await import('./webhooks.ts')
  if (verb === undefined) return webhooksList(api)
  if (verb === 'retry') return webhooksRetry(api, words, Date.now())
  if (verb === 'show' && words[0] !== undefined && words.length === 1) return webhooksShow(api, words[0])
  if (verb === 'endpoints') return (await import('./webhook-endpoints.ts')).endpointsCommand(api, words)
  if (verb === 'replay') return (await import('./webhook-replays.ts')).replayCommand(api, words, Date.now())
  throw new ConfigError(
    'Usage: minipay webhooks, or minipay webhooks endpoints, show ID, retry [FILTER …] or replay ENDPOINT failed|past. See minipay webhooks --help.',
  )
}

async function listenToEvents(config: Config, words: readonly string[], flags: Flags): Promise<number> {
  if (words.length > 0)
    throw new ConfigError('Usage: minipay listen --forward-to URL. See minipay listen --help.')
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())
  return (await import('./listen.ts')).listen(apiClient(config), flags, stopping.signal)
}

async function triggerEvent(
  config: Config,
  [type, ...more]: readonly string[],
  flags: Flags,
): Promise<number> {
  const { trigger, triggerList } = await import('./trigger.ts')
  if (type === undefined && flags['list'] !== undefined) return triggerList()
  if (type === undefined || more.length > 0)
    throw new ConfigError('Usage: minipay trigger TYPE, or minipay trigger --list.')
  return trigger(apiClient(config), config.key, type)
}

async function printVersion(): Promise<number> {
  const { VERSION } = await import('../serve.ts')
  console.log(VERSION)
  return 0
}

/** A failure to start as a sentence: MiniPay's own messages unchanged, the system's with the file or port. */
export function sentence(error: unknown): string {
  if (error instanceof SchemaMismatch) return error.message
  const { code, address, port, message } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (code === 'EADDRINUSE')
    return `Port ${port} on ${address} is in use. Choose another with --port or PORT.`
  if (code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL')
    return `This machine does not have the address to listen on (${code}). Check --host.`
  if (code === 'EACCES' && port !== undefined) return `Port ${port} needs privileges. Choose one above 1023.`
  return message
}
