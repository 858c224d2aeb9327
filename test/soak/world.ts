/** The world of a soak: MiniPay, a bank, a receiver of webhooks, and a reader that holds a snapshot for long. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { Client } from 'pg'
import { type Engine, newDatabase, rowsOf } from '../kit/backstage.ts'
import { started, tempDir } from '../kit/folders.ts'
import { type ClusterNode, preloaded, startNode } from '../kit/nodes.ts'
import { type SignedReceiver, startSignedReceiver } from '../kit/receiver.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'
import { atBank, notifyAt, providersIn, storeRules } from '../kit/world.ts'
import { moodyReceiver, type ReceiverMood } from './moods.ts'
import { bytesOf, type Sizes } from './sampler.ts'

const SABOTAGE = fileURLToPath(new URL('sabotage.ts', import.meta.url))
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

export type World = SignedReceiver & {
  readonly engine: Engine
  readonly node: ClusterNode
  readonly nodes: readonly ClusterNode[]
  readonly database: string
  readonly bank: Simulator
  receive(mood: ReceiverMood): void
  sql(text: string): Promise<Record<string, unknown>[]>
  sizes(): Promise<Sizes>
  /** Begins a read that sees the database as it is now, until it is released. */
  holdSnapshot(): Promise<{ release(): Promise<void> }>
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts everything, MiniPay with these settings. `sabotage` names what a server is to do wrong, to see that the soak finds it. */
export function startWorld(
  engine: Engine,
  settings: Readonly<Record<string, string>>,
  sabotage?: string,
): Promise<World> {
  return started(async (ends) => {
    const folder = tempDir()
    ends.add(folder.remove)
    const database = await newDatabase(engine, folder.path, ends)
    const moody = moodyReceiver()
    ends.add(moody.stop)
    const receiver = await startSignedReceiver(ends, moody.answer)
    const bank = await startSimulator(join(folder.path, 'bank.db'))
    ends.add(bank.kill)
    const env = {
      ...receiver.env,
      ...SETTINGS,
      ...settings,
      ...providersIn(folder.path, {
        sandbox: { kind: 'sandbox' },
        bank: atBank(bank, { deadline_ms: DEADLINE_MS }),
      }),
    }
    const node = await (sabotage === undefined
      ? startNode(database, env)
      : startNode(database, { ...env, SABOTAGE: sabotage }, preloaded(SABOTAGE)))
    ends.add(node.kill)
    await storeRules(node.url, RULES)
    await notifyAt(bank, node.url, 'bank')
    const sql = (text: string) => rowsOf(database, text)
    const store = engine === 'sqlite' ? onSqlite(database) : onPostgres(database, sql)
    return { engine, database, sql, ...store, ...receiver, receive: moody.set, bank, node, nodes: [node] }
  })
}

type Store = Pick<World, 'sizes' | 'holdSnapshot'>

function onSqlite(database: string): Store {
  return {
    sizes: async () => ({ walBytes: bytesOf(`${database}-wal`), databaseBytes: bytesOf(database) }),
    async holdSnapshot() {
      const db = new Database(database, { readonly: true })
      db.exec('BEGIN')
      db.prepare('SELECT count(*) FROM charges').get()
      return { release: async () => void db.close() }
    },
  }
}

function onPostgres(database: string, sql: World['sql']): Store {
  return {
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
