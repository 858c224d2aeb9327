/** MiniPay as separate processes: `minipay serve`, and every other command. */
import { spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atEnd } from './folders.ts'
import { type RunningProcess, startProcess } from './process.ts'

export const CLI = fileURLToPath(new URL('../../bin/minipay.js', import.meta.url))

export type RunningServer = RunningProcess & { readonly database: string }

/** Of servers on PostgreSQL, which need one for the secrets of webhook endpoints. */
const SECRETS_KEY = Buffer.alloc(32, 'minipay').toString('base64')

/** `minipay serve`. */
export const SERVE: readonly string[] = [CLI, 'serve']

/**
 * Starts `minipay serve`, or another serving program, on a free port, without webhooks unless `env` sets them; resolves
 * when it listens.
 */
export async function startServer(
  database: string,
  env: Readonly<Record<string, string>> = {},
  program: readonly string[] = SERVE,
): Promise<RunningServer> {
  const place = await onEngine(database)
  // A file gets a key of its own.
  const key = place.startsWith('postgres') ? { MINIPAY_SECRETS_KEY: SECRETS_KEY } : {}
  const settings = { PORT: '0', WEBHOOK_TARGET: '', MINIPAY_DATABASE: place, ...key }
  const running = await startProcess(program, { ...cleanEnv(), ...settings, ...env }, /"address":"([^"]+)"/)
  return { ...running, database }
}

/** Runs a MiniPay command to its end, in its own folder if one is given. */
export async function runCli(
  args: string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const named = args.indexOf('--database') + 1
  const words = await Promise.all(args.map((word, i) => (i === named && named > 0 ? onEngine(word) : word)))
  const child = spawn(process.execPath, [CLI, ...words], {
    env: { ...cleanEnv(), ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

/**
 * The file itself; or, if TEST_POSTGRES names a server, a database there in place of this file: so the same tests run
 * on both engines.
 */
export async function onEngine(file: string): Promise<string> {
  const server = process.env['TEST_POSTGRES']
  if (server === undefined || file.startsWith('postgres')) return file
  const { databaseFor } = await import('./postgres.ts')
  return databaseFor(server, file)
}

/** The environment without MiniPay settings that the machine may have. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(MINIPAY_|PORT$|WEBHOOK_TARGET$|NODE_TEST_CONTEXT$)/.test(name),
    ),
  )
}

/** A server that ends with the test at the latest. */
export async function serve(
  t: TestContext,
  database: string,
  env: Record<string, string> = {},
): Promise<RunningServer> {
  const server = await startServer(database, env)
  atEnd(t, server.kill)
  return server
}
