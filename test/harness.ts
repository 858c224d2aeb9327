/** Real processes, real files, real HTTP: what the end-to-end, crash and contract tests start and stop. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const CLI = fileURLToPath(new URL('../bin/minipay.js', import.meta.url))

export type TempDir = { readonly path: string; remove(): void }

export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'minipay-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

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

export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T }

/** One request; `body` is sent as JSON, or as it is when it is a string. `T` is what the test expects of the answer. */
export async function call<T = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    body: (json && text ? JSON.parse(text) : text) as T,
  }
}

export type ReceivedWebhook = {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly at: number
}

export type Receiver = {
  readonly url: string
  readonly received: ReceivedWebhook[]
  /** Resolves when `count` webhooks have arrived. */
  waitFor(count: number): Promise<void>
  close(): Promise<void>
}

/** A webhook receiver; `answer` decides how each is answered, 200 by default. */
export async function startReceiver(
  answer: (webhook: ReceivedWebhook, response: ServerResponse) => void = (_webhook, response) =>
    response.end('ok'),
): Promise<Receiver> {
  const received: ReceivedWebhook[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const webhook = { headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now() }
      received.push(webhook)
      for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve()
      answer(webhook, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    received,
    waitFor(count) {
      if (received.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
