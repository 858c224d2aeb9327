/** MiniPay as processes of their own: `minipay serve`, and every other command. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atEnd } from './folders.ts'

export const CLI = fileURLToPath(new URL('../../bin/minipay.js', import.meta.url))

export type RunningServer = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  readonly process: ChildProcess
  readonly database: string
  /** Everything it has logged so far. */
  output(): string
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Resolves with the exit code when it has ended by itself; null when it was killed. */
  readonly gone: Promise<number | null>
}

/**
 * Starts `minipay serve`, or another program that serves, on a free port, with no webhooks unless `env` says so;
 * resolves when it listens.
 */
export async function startServer(
  database: string,
  env: Record<string, string> = {},
  program: readonly string[] = [CLI, 'serve'],
): Promise<RunningServer> {
  const settings = { PORT: '0', WEBHOOK_TARGET: '', MINIPAY_DATABASE: await onEngine(database) }
  const child = spawn(process.execPath, program, {
    env: { ...cleanEnv(), ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  const output = () => said.join('')
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    let listens = false
    const read = (chunk: Buffer) => {
      said.push(String(chunk))
      // A long life logs much: it is searched only until the address is there.
      const address = listens ? undefined : /"address":"([^"]+)"/.exec(output())?.[1]
      if (!address) return
      listens = true
      resolve(address)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    exited.then((code) => reject(new Error(`minipay ended with ${code} before it listened:\n${output()}`)))
  })
  return {
    url,
    process: child,
    database,
    output,
    async stop() {
      child.kill('SIGTERM')
      return exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    gone: exited,
  }
}

/** Runs a MiniPay command to its end, in a folder of its own when one is given. */
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
 * The file as it is; or, where TEST_POSTGRES names a server, a database there that stands for this file: so the same
 * tests run on both engines.
 */
export async function onEngine(file: string): Promise<string> {
  const server = process.env['TEST_POSTGRES']
  if (server === undefined || file.startsWith('postgres')) return file
  const { databaseFor } = await import('./postgres.ts')
  return databaseFor(server, file)
}

/** The environment without settings of MiniPay that the machine may have. */
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
