/** What the tests of `minipay copy` share: both databases row by row, copies that are killed, and a busy MiniPay. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TABLES } from '../../src/storage/copy/tables.ts'
import { showWholeRows } from '../../src/storage/sqlite/long-texts.ts'
import { type Client, client, type Dispute, type Page, until } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { onDatabase } from '../kit/postgres.ts'
import type { Receiver } from '../kit/receiver.ts'
import { CLI, type RunningServer, runCli, startServer } from '../kit/server.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'
import { ruleTo } from '../kit/world.ts'

export const copyOf = (from: string, to: string) => runCli(['copy', '--from', from, '--to', to])

export function folder(t: TestContext): string {
  const dir = tempDir()
  t.after(dir.remove)
  return dir.path
}

/** A server that is stopped after the test, also when that fails. */
export async function serving(
  t: TestContext,
  database: string,
  env: Record<string, string> = {},
): Promise<{ server: RunningServer; api: Client }> {
  const server = await startServer(database, env)
  t.after(() => server.kill())
  return { server, api: client(server.url) }
}

/** A MiniPay on a file, with the provider `bank_a` at a bank and the sandbox. */
export async function startShop(t: TestContext, receiver: Receiver) {
  const dir = folder(t)
  const bank: Simulator = await startSimulator(join(dir, 'bank.db'))
  t.after(() => bank.kill())
  const providers = {
    bank_a: {
      kind: 'http',
      mode: 'test',
      url: bank.url,
      secret: bank.secret,
      lookup: 'final',
      deadline_ms: 20_000,
    },
    sandbox: { kind: 'sandbox' },
  }
  const env = { MINIPAY_PROVIDERS: join(dir, 'providers.json'), WEBHOOK_TARGET: receiver.url }
  writeFileSync(env.MINIPAY_PROVIDERS, JSON.stringify(providers))
  const file = join(dir, 'minipay.db')
  return { bank, env, file, ...(await serving(t, file, env)) }
}

/** A bit of everything: held, captured, canceled, declined, refunded, disputed, waiting for its customer, very large. */
export async function trade({
  api,
  bank,
}: {
  api: Client
  bank: { control(m: string, p: string, b?: unknown): Promise<unknown> }
}) {
  const document = { rules: [ruleTo('sandbox', ['sandbox'])], default: { providers: ['bank_a'] } }
  assert.equal((await api.put('/api/v1/routing', { document })).status, 200)
  const first = await api.charge(
    { description: 'é "quoted" \\ {NULL}, \n 💶', metadata: { to: 'sandbox', empty: '', word: 'NULL' } },
    'first-key',
  )
  await api.refund(first.id, { amount: 700, reason: 'requested_by_customer' }, 'a-refund')
  const long = {
    description: 'é "quoted" \\ ,"metadata":{} 💶'.repeat(30),
    metadata: { to: 'sandbox', details: '1', notes: 'é"\\\u0001'.repeat(100) },
  }
  await api.refund((await api.charge(long)).id, { ...long, amount: 400 })
  await api.charge({ description: 'd'.repeat(1_000) })
  await api.refund((await api.charge()).id)
  await api.capture((await api.charge({ capture: false })).id, { amount: 900 })
  await api.cancel((await api.charge({ capture: false })).id)
  await api.charge({ capture: false, currency: 'eur' })
  const declined = await api.post('/api/v1/charges', {
    ...{ amount: 2500, currency: 'usd', customer: 'cus_42', payment_method: 'tok_fault_decline' },
  })
  assert.equal(declined.status, 402)
  const waits = { amount: 800, currency: 'usd', customer: 'cus_7', payment_method: 'tok_requires_action' }
  assert.equal((await api.post('/api/v1/charges', waits)).status, 202)
  for (const _ of [1, 2, 3])
    await api.charge({ amount: Number.MAX_SAFE_INTEGER, currency: 'jpy', metadata: { to: 'sandbox' } })
  const disputed = await api.charge()
  await bank.control('PUT', '/notify', { url: `${api.url}/providers/bank_a/notifications` })
  await bank.control('POST', '/disputes', { payment: disputed.provider_reference, amount: 1000 })
  await until(
    async () => (await api.get<Page<Dispute>>('/api/v1/disputes')).body.data,
    ([dispute]) => dispute?.status === 'open',
  )
  await api.charge({ customer: 'status 400' })
  await api.charge({ customer: 'status 500' })
  return first
}

type Tables = Record<string, string[]>

/** Tables of the embedded database that repeat other rows: long texts are in the rows that have them, and indexes are made anew. */
const NOT_COPIED = [
  'long_texts',
  ...['key', 'customer', 'reference'].flatMap((of) => [`${of}_index`, `${of}_index_state`]),
  'referenced_providers',
]

/** Every row of an embedded database, by its table, as JSON of its values as texts, without the columns that only it has. */
export function rowsOfFile(file: string): Tables {
  const db = new Database(file, { readonly: true })
  try {
    showWholeRows(db)
    const names = db
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
      .pluck()
      .all() as string[]
    const own = new Map(TABLES.map(({ name, own = [] }) => [name, own]))
    const rowsOf = (name: string) => {
      const rows = db.prepare(`SELECT * FROM ${name}`).safeIntegers().all() as Record<string, unknown>[]
      for (const row of rows) for (const column of own.get(name) ?? []) delete row[column]
      return rows
    }
    return Object.fromEntries(
      names.filter((name) => !NOT_COPIED.includes(name)).map((name) => [name, asTexts(rowsOf(name))]),
    )
  } finally {
    db.close()
  }
}

/** The same of a database on PostgreSQL, without its own columns and tables. */
export function rowsOfPostgres(url: string, tables: Tables): Promise<Tables> {
  return onDatabase(url, async (client) => {
    const found: Tables = {}
    for (const name of Object.keys(tables))
      found[name] = asTexts((await client.query(`SELECT * FROM ${name}`)).rows)
    return found
  })
}

const ONLY_IN_POSTGRES = ['owner', 'part', 'listed_status']

function asTexts(rows: unknown[]): string[] {
  const text = (row: object) =>
    Object.entries(row)
      .filter(([column]) => !ONLY_IN_POSTGRES.includes(column))
      .map(([column, value]) => JSON.stringify([column, value === null ? null : String(value)]))
      .sort()
      .join()
  return (rows as object[]).map(text).sort()
}

/**
 * Fails unless every row of the file is in PostgreSQL, and no other but the copy's audit entry and its link, and the
 * books of both balance.
 */
export async function assertCopied(file: string, url: string): Promise<void> {
  const rows = rowsOfFile(file)
  const found = await rowsOfPostgres(url, rows)
  const own = (table: string) => found[table]?.filter((row) => !rows[table]?.includes(row)) ?? []
  const [entries, links] = [own('audit_log'), own('chain_links')]
  assert.deepEqual([entries.length, links.length], [1, 1])
  assert.match(entries.join(), /"database\.copied"\],\["actor","cli"\]/)
  found['audit_log'] = found['audit_log']?.filter((row) => !entries.includes(row)) ?? []
  found['chain_links'] = found['chain_links']?.filter((row) => !links.includes(row)) ?? []
  assert.deepEqual(found, rows)
  const verified = async (database: string) => {
    const { code, stdout, stderr } = await runCli(['verify', '--database', database])
    assert.equal(code, 0, stderr)
    return stdout.replace(/^Head of the hash chains: .*\n/m, '')
  }
  assert.equal(await verified(url), await verified(file))
}

/** What stands in a file and in its write-ahead log, as hashes. */
export function contentsOf(file: string): { file: string; log: string } {
  const hash = (path: string) => {
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    return bytes.length === 0 ? 'empty' : createHash('sha256').update(bytes).digest('hex')
  }
  return { file: hash(file), log: hash(`${file}-wal`) }
}

export type RunningCopy = {
  readonly process: ChildProcess
  /** Resolves when it has written this to standard error; fails when it ends before. */
  said(words: string): Promise<void>
  /** Resolves when the target knows of that many copied rows; fails when it ends before. */
  copied(rows: number): Promise<void>
  kill(): Promise<void>
  readonly ended: Promise<number | null>
}

/** Starts `minipay copy`, to be killed. */
export function startCopy(t: TestContext, from: string, to: string): RunningCopy {
  const child = spawn(process.execPath, [CLI, 'copy', '--from', from, '--to', to], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let output = ''
  let look = () => {}
  child.stderr.on('data', (chunk) => {
    output += chunk
    look()
  })
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  t.after(kill)
  const tooEarly = async () => assert.fail(`the copy ended with ${await ended}:\n${output}`)
  return {
    process: child,
    ended,
    kill,
    said: (words) =>
      Promise.race([
        new Promise<void>((resolve) => {
          look = () => {
            if (output.includes(words)) resolve()
          }
          look()
        }),
        tooEarly(),
      ]),
    copied: (rows) =>
      onDatabase(to, async (client) => {
        const count = async () => {
          const { rows: tables } = await client.query(`SELECT to_regclass('copies') AS copies`)
          if (tables[0]?.copies === null) return -1
          return Number((await client.query('SELECT copied FROM copies')).rows[0]?.copied ?? -1)
        }
        while ((await count()) < rows) if (child.exitCode !== null) await tooEarly()
      }),
  }
}
