/** The processes of a storm of liars: MiniPay, an honest bank, a receiver of webhooks, and the liars in this one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backstage, backstage } from '../../kit/backstage.ts'
import { call } from '../../kit/http.ts'
import { type OwnServer, startPostgres } from '../../kit/postgres.ts'
import { type Receiver, startReceiver } from '../../kit/receiver.ts'
import { type RunningServer, startServer } from '../../kit/server.ts'
import { newSecret, type RunningBank, type Statement, startBank } from '../../kit/simulator.ts'
import type { Temper } from './conduct.ts'
import { type Liar, startLiar } from './liar.ts'
import { BANK, LIARS, type LiarName } from './plan.ts'

const SERVE = fileURLToPath(new URL('../serve.ts', import.meta.url))
const DEADLINE_MS = 400
const SETTINGS = { MINIPAY_PROVIDER_WAIT_MS: '1000', MINIPAY_IDEMPOTENCY_WAIT_MS: '500' }
/** What the honest bank does wrong: answers get lost. */
const FAULTS = { cut_before: 0.05, cut_after: 0.05, decline: 0.05, late: 0.05, late_ms: 50 }

/** What each liar promises of itself in the providers' file. */
const PROMISES: Readonly<Record<LiarName, object>> = {
  liar_a: { lookup: 'final' },
  liar_b: { lookup: 'eventual' },
  liar_c: { lookup: 'eventual', idempotent: false, partial_capture: false },
}
const FAILOVER = ['do_not_honor', 'insufficient_funds']
const RULES = {
  rules: [
    {
      name: 'euros',
      when: "currency == 'eur'",
      providers: ['liar_b', 'liar_a', BANK],
      failover_on: FAILOVER,
    },
    {
      name: 'yen',
      when: "currency == 'jpy' && amount > 25000",
      providers: ['liar_c', 'liar_a', 'liar_b'],
      failover_on: FAILOVER,
    },
  ],
  default: {
    split: [
      { provider: 'liar_a', weight: 40 },
      { provider: 'liar_b', weight: 40 },
      { provider: BANK, weight: 20 },
    ],
    failover_on: FAILOVER,
  },
}

export type Engine = 'sqlite' | 'postgres'

export type World = {
  /** Where MiniPay is, also while it is down. */
  readonly url: string
  readonly database: string
  readonly liars: readonly Liar[]
  readonly webhooks: Receiver
  readonly backstage: Backstage
  /** SIGKILL for MiniPay, or a liar's connections cut. */
  fell(victim: 'minipay' | LiarName): Promise<void>
  raise(victim: 'minipay' | LiarName): Promise<void>
  /** The honest bank's faults end too. */
  calm(): Promise<void>
  /** SIGTERM for MiniPay; its exit code. */
  stop(): Promise<number | null>
  start(): Promise<void>
  statement(): Promise<Statement>
  /** Everything that MiniPay has logged in all its lives. */
  log(): string
  /** Ends every process. */
  end(): Promise<void>
}

export async function startWorld(
  engine: Engine,
  folder: string,
  seed: number,
  temperOf: (story: string) => Temper,
): Promise<World> {
  const ends: (() => unknown)[] = []
  const end = async () => {
    for (const step of ends.splice(0).toReversed()) await step()
  }
  try {
    return await made(engine, folder, seed, temperOf, ends, end)
  } catch (error) {
    await end()
    throw error
  }
}

async function made(
  engine: Engine,
  folder: string,
  seed: number,
  temperOf: (story: string) => Temper,
  ends: (() => unknown)[],
  end: () => Promise<void>,
): Promise<World> {
  const database = await databaseOf(engine, folder, ends)
  const webhooks = await startReceiver(unwell())
  ends.push(webhooks.close)
  let url = ''
  const liars = await Promise.all(
    LIARS.map((name) =>
      startLiar({
        name,
        seed,
        final: name === 'liar_a',
        deadlineMs: DEADLINE_MS,
        temperOf,
        target: () => `${url}/providers/${name}/notifications`,
      }),
    ),
  )
  ends.push(() => Promise.all(liars.map((liar) => liar.close())))
  const bank = await startBank(join(folder, 'bank.db'), { secret: newSecret() })
  ends.push(bank.kill)
  await bank.faults({ ...FAULTS, seed: seed % 600_000 })
  const env = {
    ...SETTINGS,
    MINIPAY_PROVIDERS: providersFile(folder, liars, bank),
    WEBHOOK_TARGET: webhooks.url,
    MINIPAY_WEBHOOK_SECRET: newSecret(),
  }
  const lives: RunningServer[] = []
  ends.push(() => Promise.all(lives.map((life) => life.kill())))
  const start = async () => {
    const port = url === '' ? '0' : new URL(url).port
    lives.push(await startServer(database, { ...env, PORT: port }, [SERVE]))
  }
  await start()
  url = lives[0]?.url ?? ''
  const stored = await call(url, 'PUT', '/api/v1/routing', { document: RULES })
  if (stored.status !== 200) throw new Error(`the rules were not taken: ${JSON.stringify(stored.body)}`)
  await bank.control('PUT', '/notify', { url: `${url}/providers/${BANK}/notifications` })
  const liarOf = (name: LiarName) => liars.find((liar) => liar.name === name) as Liar
  return {
    url,
    database,
    liars,
    webhooks,
    backstage: backstage(database),
    async fell(victim) {
      if (victim !== 'minipay') return liarOf(victim).down()
      const life = lives.at(-1)
      if (life?.process.exitCode !== null)
        throw new Error(`MiniPay ended by itself:\n${life?.output().slice(-4_000)}`)
      await life.kill()
    },
    raise: (victim) => (victim === 'minipay' ? start() : liarOf(victim).up()),
    async calm() {
      await bank.faults({})
      await bank.control('POST', '/finish')
    },
    stop: async () => (await lives.at(-1)?.stop()) ?? null,
    start,
    statement: () => bank.statement(),
    log: () => lives.map((life) => life.output()).join(''),
    end,
  }
}

async function databaseOf(engine: Engine, folder: string, ends: (() => unknown)[]): Promise<string> {
  if (engine === 'sqlite') return join(folder, 'minipay.db')
  const server: OwnServer = await startPostgres()
  ends.push(() => server.remove())
  return server.createDatabase()
}

/** A receiver that puts off every thirtieth webhook. */
function unwell(): Parameters<typeof startReceiver>[0] {
  let count = 0
  return (_webhook, response) => void response.writeHead(++count % 30 === 0 ? 503 : 200).end()
}

function providersFile(folder: string, liars: readonly Liar[], bank: RunningBank): string {
  const file = join(folder, 'providers.json')
  const common = { kind: 'http', deadline_ms: DEADLINE_MS }
  const settings = liars.map(({ name, url, secret }) => [
    name,
    { ...common, url, secret, ...PROMISES[name as LiarName] },
  ])
  const honest = { ...common, url: bank.url, secret: bank.secret, lookup: 'final' }
  writeFileSync(file, JSON.stringify({ ...Object.fromEntries(settings), [BANK]: honest }))
  return file
}
