/** The world of a soak: MiniPay, a bank, a receiver of webhooks, and a reader that holds a snapshot for long. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { Client } from 'pg'
import { Webhook } from 'standardwebhooks'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type ClusterNode, startNode } from '../kit/nodes.ts'
import { onDatabase, startPostgres } from '../kit/postgres.ts'
import { startReceiver } from '../kit/receiver.ts'
import { newSecret, type RunningBank, startBank } from '../kit/simulator.ts'
import { moodyReceiver, type ReceiverMood } from './moods.ts'
import { bytesOf, type Sizes } from './sampler.ts'

export type Engine = 'sqlite' | 'postgres'

/** How long the bank may take; it hangs now and then, and customers shall not wait for long. */
const DEADLINE_MS = 1_500
const SETTINGS = {
  MINIPAY_PROVIDER_WAIT_MS: '2500',
  MINIPAY_IDEMPOTENCY_WAIT_MS: '1000',
  // The heap that Node gives itself where a container has 512 MiB: on a large machine it would collect garbage late, and
  // its saw would hide a leak for long.
  NODE_OPTIONS: '--max-old-space-size=256 --max-semi-space-size=4',
}
/** Yen wait for no bank: by them healthy clients' times are measured. */
const RULES = {
  rules: [{ name: 'yen', when: "currency == 'jpy'", providers: ['sandbox'] }],
  default: { providers: ['bank', 'sandbox'] },
}

export type World = {
  readonly engine: Engine
  readonly node: ClusterNode
  readonly nodes: readonly ClusterNode[]
  readonly database: string
  readonly bank: RunningBank
  /** Ids of the events whose webhooks have arrived, signed as they should be, and were answered 2xx. */
  readonly told: ReadonlySet<string>
  /** Webhooks that were not as they should be, each as a sentence. */
  readonly refused: readonly string[]
  receive(mood: ReceiverMood): void
  sql(text: string): Promise<Record<string, unknown>[]>
  sizes(): Promise<Sizes>
  /** Begins a read that sees the database as it is now, until it is released. */
  holdSnapshot(): Promise<{ release(): Promise<void> }>
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts everything, MiniPay with these settings. `sabotage` names what a server is to do wrong, to see that the soak finds it. */
export async function startWorld(
  engine: Engine,
  settings: Readonly<Record<string, string>>,
  sabotage?: string,
): Promise<World> {
  const folder = tempDir()
  const ends: (() => unknown)[] = [folder.remove]
  const end = async () => {
    for (const step of ends.splice(0).toReversed()) await step()
  }
  try {
    const store = await (engine === 'sqlite' ? onSqlite(folder.path) : onPostgres(ends))
    const receiver = await webhooks(ends)
    const bank = await startBank(join(folder.path, 'bank.db'), { secret: newSecret() })
    ends.push(bank.kill)
    const file = join(folder.path, 'providers.json')
    const http = { kind: 'http', url: bank.url, secret: bank.secret, deadline_ms: DEADLINE_MS }
    writeFileSync(file, JSON.stringify({ sandbox: { kind: 'sandbox' }, bank: { ...http, lookup: 'final' } }))
    const preload = sabotage && fileURLToPath(new URL('sabotage.ts', import.meta.url))
    const env = { ...receiver.env, ...SETTINGS, ...settings, MINIPAY_PROVIDERS: file }
    const node = await startNode(
      store.database,
      sabotage === undefined ? env : { ...env, SABOTAGE: sabotage },
      preload,
    )
    ends.push(node.kill)
    const { status, body } = await call(node.url, 'PUT', '/api/v1/routing', { document: RULES })
    if (status !== 200) throw new Error(`the rules were not taken: ${JSON.stringify(body)}`)
    await bank.control('PUT', '/notify', { url: `${node.url}/providers/bank/notifications` })
    return { engine, ...store, ...receiver, bank, node, nodes: [node], end }
  } catch (error) {
    await end()
    throw error
  }
}

type Store = Pick<World, 'database' | 'sql' | 'sizes' | 'holdSnapshot'>

async function onSqlite(folder: string): Promise<Store> {
  const database = join(folder, 'minipay.db')
  const open = () => new Database(database, { readonly: true })
  return {
    database,
    async sql(text) {
      const db = open()
      try {
        return db.prepare<[], Record<string, unknown>>(text).all()
      } finally {
        db.close()
      }
    },
    sizes: async () => ({ walBytes: bytesOf(`${database}-wal`), databaseBytes: bytesOf(database) }),
    async holdSnapshot() {
      const db = open()
      db.exec('BEGIN')
      db.prepare('SELECT count(*) FROM charges').get()
      return { release: async () => void db.close() }
    },
  }
}

async function onPostgres(ends: (() => unknown)[]): Promise<Store> {
  const server = await startPostgres()
  ends.push(() => server.remove())
  const database = await server.createDatabase()
  const sql: World['sql'] = (text) =>
    onDatabase(database, async (client) => (await client.query(text)).rows as Record<string, unknown>[])
  return {
    database,
    sql,
    async sizes() {
      const [row] = await sql('SELECT pg_database_size(current_database()) AS bytes')
      // Its log is the server's own affair.
      return { walBytes: 0, databaseBytes: Number(row?.['bytes']) }
    },
    async holdSnapshot() {
      const client = new Client({ connectionString: database })
      await client.connect()
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await client.query('SELECT count(*) FROM charges')
      return { release: () => client.end() }
    },
  }
}

async function webhooks(ends: (() => unknown)[]) {
  const secret = newSecret()
  const webhook = new Webhook(secret)
  const told = new Set<string>()
  const refused: string[] = []
  const moody = moodyReceiver()
  const receiver = await startReceiver(({ headers, body }, response) => {
    // So many bodies would fill this process.
    receiver.received.length = 0
    try {
      webhook.verify(body, headers as Record<string, string>)
    } catch (error) {
      refused.push(`the webhook ${headers['webhook-id']} was not as it should be: ${error}`)
    }
    moody.answer(response, () => told.add(String(headers['webhook-id'])))
  })
  ends.push(receiver.close, moody.stop)
  return {
    env: { WEBHOOK_TARGET: receiver.url, MINIPAY_WEBHOOK_SECRET: secret },
    told,
    refused,
    receive: moody.set,
  }
}
