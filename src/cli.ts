import { existsSync } from 'node:fs'
import { type Config, ConfigError, readConfig, SETTINGS, type SettingKey } from './config.ts'
import { migrate, migrations, SchemaMismatch, schemaVersion } from './storage/sqlite/migrate.ts'
import { lockDatabase, openReader, openWriter, refuseOtherFiles } from './storage/sqlite/open.ts'
import { verify } from './storage/sqlite/verify.ts'

type Command = {
  readonly summary: string
  readonly settings: readonly SettingKey[]
  /** Answers the exit status. */
  readonly run: (config: Config) => Promise<number>
}

/** Every command. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'Serve the API and deliver webhooks until SIGTERM or SIGINT.',
    settings: Object.keys(SETTINGS) as SettingKey[],
    run: serve,
  },
  verify: {
    summary: 'Check the books: every balance, transaction and refund. Exit 1 names the first thing wrong.',
    settings: ['database'],
    run: verifyBooks,
  },
  migrate: {
    summary: "Bring the database to this version's schema, which serve does by itself too.",
    settings: ['database'],
    run: migrateDatabase,
  },
  version: { summary: 'Print the version.', settings: [], run: printVersion },
}

/** Runs a command line; the exit status is left in `process.exitCode`. */
export async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [first, ...rest] = args
  if (first === undefined) {
    console.error(usage())
    process.exitCode = 2
    return
  }
  const name = first === '--version' ? 'version' : first
  if (name === '--help' || name === '-h' || name === 'help') return void console.log(usage())
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) return fail(`There is no command "${name}". Try minipay --help.`, 2)
  if (rest.includes('--help') || rest.includes('-h')) return void console.log(commandUsage(name, command))
  try {
    process.exitCode = await command.run(readConfig(command.settings, rest, env) as Config)
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message, 2)
    fail(sentence(error), 1)
  }
}

function fail(message: string, status: number): void {
  console.error(`minipay: ${message}`)
  process.exitCode = status
}

/** A failure to start in words: ours as they are, the system's with what they concern. */
function sentence(error: unknown): string {
  if (error instanceof SchemaMismatch) return error.message
  const { code, address, port, message } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (code === 'EADDRINUSE')
    return `Port ${port} on ${address} is in use. Choose another with --port or PORT.`
  if (code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL')
    return `The address to listen on is not one of this machine (${code}). Check --host.`
  if (code === 'EACCES' && port !== undefined) return `Port ${port} needs privileges. Choose one above 1023.`
  return message
}

async function serve(config: Config): Promise<number> {
  const { run } = await import('./main.ts')
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  const starting = run(config, (error) => {
    console.error(`minipay: ${error.message}`)
    process.exit(1)
  })
  // Before it listens: a signal that comes with the first request finds someone to hear it.
  const stop = async () => {
    // Whatever hangs, the process ends: the lease and the idempotency keys make that safe.
    setTimeout(() => process.exit(1), config.shutdownTimeoutMs + 2_000).unref()
    try {
      await (await starting).close()
      end(0)
    } catch (error) {
      console.error(`minipay: could not stop cleanly: ${sentence(error)}`)
      end(1)
    }
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const { address } = await starting
  if (process.stdout.isTTY)
    console.error(`\n  MiniPay is at ${address}\n  Its API is described at ${address}/docs\n`)
  return ended
}

async function verifyBooks({ database }: Config): Promise<number> {
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  refuseOtherFiles(database)
  const db = openReader(database)
  try {
    const result = verify(db)
    if (result.problem === undefined) {
      console.log(
        `The books balance: ${result.charges} charges, ${result.refunds} refunds, ${result.entries} entries.`,
      )
      return 0
    }
    console.error(`minipay: ${result.problem}`)
    return 1
  } finally {
    db.close()
  }
}

async function migrateDatabase({ database }: Config): Promise<number> {
  const lock = lockDatabase(database)
  const db = openWriter(database)
  try {
    for (const { name } of migrate(db)) console.log(`applied ${name}`)
    console.log(`${database} is at schema ${schemaVersion(db)} of ${migrations().length}.`)
    return 0
  } finally {
    db.close()
    lock.release()
  }
}

async function printVersion(): Promise<number> {
  const { VERSION } = await import('./main.ts')
  console.log(VERSION)
  return 0
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  return `Usage: minipay <command> [options]\n\n${lines.join('\n')}\n\nminipay <command> --help lists a command's options.`
}

function commandUsage(name: string, { summary, settings }: Command): string {
  const lines = settings.map((key) => {
    const { flag, env, default: fallback, doc } = SETTINGS[key]
    return `  --${flag} VALUE\n      ${doc}\n      Environment: ${env}. Default: ${fallback || '(empty)'}`
  })
  return `Usage: minipay ${name}${lines.length ? ' [options]' : ''}\n\n${summary}\n\n${lines.join('\n')}`.trimEnd()
}
