/** What the crash and fault tests share: holding the database from outside, bare sockets, a patient question. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type Answer, call, type RunningServer, startServer, tempDir } from '../harness.ts'

const ends = new WeakMap<TestContext, (() => unknown)[]>()

/** Has `step` done when the test ends, the last one first: a server ends before its folder goes. */
export function atEnd(t: TestContext, step: () => unknown): void {
  const steps = ends.get(t) ?? []
  if (steps.length === 0) {
    ends.set(t, steps)
    t.after(async () => {
      for (const last of steps.toReversed()) await last()
    })
  }
  steps.push(step)
}

/** A folder for this test alone. */
export function folderOf(t: TestContext): string {
  const folder = tempDir()
  atEnd(t, folder.remove)
  return folder.path
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

export type ErrorBody = { readonly error: string; readonly code: string }
export type ChargeBody = {
  readonly id: string
  readonly amount: number
  readonly status: string
  readonly idempotency_key: string
}

/** Makes a charge of 100 usd under `key`. */
export function charge<T = ChargeBody>(url: string, key: string, body: object = {}): Promise<Answer<T>> {
  const wanted = { amount: 100, currency: 'usd', customer: 'cus_1', ...body }
  return call<T>(url, 'POST', '/api/v1/charges', wanted, { 'idempotency-key': key })
}

/** Takes the database's write lock, as another program might; whoever writes waits until `free` is called. */
export function holdWriteLock(file: string): { free(): void } {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return { free: () => void db.close() }
}

/** Asks until the answer is yes; for what can be seen but does not call. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within 20 s`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export type BareConnection = {
  readonly socket: Socket
  /** Everything received so far. */
  text(): string
  /** Resolves when the server has closed it. */
  readonly closed: Promise<void>
}

/** A TCP connection that sends exactly what it is told to. */
export async function bareConnection(url: string): Promise<BareConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  // A reset is one way to be closed.
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, text: () => text, closed }
}

/** Whether a new connection is refused: the server listens no more. */
export function refusesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false))
    socket.once('error', () => resolve(true))
  }).finally(() => socket.destroy()) as Promise<boolean>
}

/** The files that a database consists of now, without their common name. */
export function databaseFiles(file: string): string[] {
  const name = basename(file)
  return readdirSync(dirname(file))
    .filter((other) => other.startsWith(name))
    .map((other) => other.slice(name.length))
    .sort()
}
