/** The processes of a storm: MiniPay and two banks, which are killed and come back as they were. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import { newSecret, type RunningBank, type Statement, startBank } from '../kit/simulator.ts'
import { BANKS, type BankName } from './plan.ts'

const SERVE = fileURLToPath(new URL('serve.ts', import.meta.url))

/** A tenth of every fault, a bad day for any bank. Of the errors and of the hangs, half come after it was done. */
const RATES = {
  decline: 0.1,
  error: 0.05,
  error_after: 0.05,
  hang: 0.05,
  hold_after: 0.05,
  cut_before: 0.1,
  cut_after: 0.1,
  late: 0.1,
}
const LATENCY_MS = 5
const LATE_MS = 100
const DEADLINE_MS = 400
const PROVIDER_WAIT_MS = 600

const RULES = {
  rules: [
    {
      name: 'euros',
      when: "currency == 'eur'",
      providers: ['bank_b', 'bank_a'],
      failover_on: ['do_not_honor'],
    },
  ],
  default: {
    split: [
      { provider: 'bank_a', weight: 50 },
      { provider: 'bank_b', weight: 50 },
    ],
    failover_on: ['do_not_honor'],
  },
}

export type World = {
  /** Where MiniPay is, also while it is down. */
  readonly url: string
  readonly database: string
  /** SIGKILLs whoever is named, and does not bring them back. */
  kill(victims: readonly ('minipay' | BankName)[]): Promise<void>
  /** Brings back whoever is down. */
  revive(): Promise<void>
  /** Ends the banks' faults and does what they had put off. */
  calm(): Promise<void>
  /** SIGTERM for MiniPay; its exit code. */
  stop(): Promise<number | null>
  statements(): Promise<Readonly<Record<BankName, Statement>>>
  /** Everything that MiniPay has logged in all its lives. */
  log(): string
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts everything in a folder; faults begin at once. */
export async function startWorld(folder: string, seed: number): Promise<World> {
  const banks = await startBanks(folder)
  const database = join(folder, 'minipay.db')
  const env = {
    MINIPAY_PROVIDERS: providersFile(folder, banks),
    MINIPAY_PROVIDER_WAIT_MS: String(PROVIDER_WAIT_MS),
  }
  const lives: RunningServer[] = []
  let reviving: Promise<unknown> = Promise.resolve()
  async function startMiniPay(port: string): Promise<RunningServer> {
    const server = await startServer(database, { ...env, PORT: port }, [SERVE])
    lives.push(server)
    return server
  }
  const { url } = await startMiniPay('0')
  const { port } = new URL(url)
  const stored = await call(url, 'PUT', '/api/v1/routing', { document: RULES })
  if (stored.status !== 200) throw new Error(`the rules were not taken: ${JSON.stringify(stored.body)}`)

  const down = new Set<'minipay' | BankName>()
  let faults: Readonly<Record<string, number>> = { latency_ms: LATENCY_MS, late_ms: LATE_MS, ...RATES }
  let starts = 0
  const setFaults = (bank: RunningBank) =>
    bank.faults({ ...faults, seed: (seed + 7919 * starts++) % 600_000 })
  async function startBankAgain(name: BankName): Promise<void> {
    const { database: file, port: at, secret } = banks[name]
    banks[name] = await startBank(file, { secret, port: at })
    await setFaults(banks[name])
  }
  for (const name of BANKS) {
    await banks[name].control('PUT', '/notify', { url: `${url}/providers/${name}/notifications` })
    await setFaults(banks[name])
  }

  return {
    url,
    database,
    async kill(victims) {
      for (const who of victims) down.add(who)
      await Promise.all(victims.map((who) => (who === 'minipay' ? lives.at(-1)?.kill() : banks[who].kill())))
    },
    async revive() {
      for (const who of down) {
        down.delete(who)
        reviving = who === 'minipay' ? startMiniPay(port) : startBankAgain(who)
        await reviving
      }
    },
    async calm() {
      faults = {}
      for (const name of BANKS) {
        await setFaults(banks[name])
        await banks[name].control('POST', '/finish')
      }
    },
    async stop() {
      return (await lives.at(-1)?.stop()) ?? null
    },
    async statements() {
      return { bank_a: await banks.bank_a.statement(), bank_b: await banks.bank_b.statement() }
    },
    log: () => lives.map((life) => life.output()).join(''),
    async end() {
      await reviving.catch(() => {})
      await Promise.all([...lives, ...Object.values(banks)].map((one) => one.kill()))
    },
  }
}

async function startBanks(folder: string): Promise<Record<BankName, RunningBank>> {
  const start = (name: BankName) => startBank(join(folder, `${name}.db`), { secret: newSecret() })
  return { bank_a: await start('bank_a'), bank_b: await start('bank_b') }
}

function providersFile(folder: string, banks: Readonly<Record<BankName, RunningBank>>): string {
  const file = join(folder, 'providers.json')
  const settings = BANKS.map((name) => {
    const { url, secret } = banks[name]
    return [name, { kind: 'http', url, secret, deadline_ms: DEADLINE_MS, lookup: 'final' }]
  })
  writeFileSync(file, JSON.stringify(Object.fromEntries(settings)))
  return file
}

/**
 * What failed its lookups again and again is put off for up to a minute. The next look is moved to now, instead
 * of waiting for it; nobody holds a lease, since MiniPay does not run.
 */
export function hurry(database: string): void {
  const db = new Database(database)
  db.prepare(
    `UPDATE attempts SET due_at = started_at, token = NULL WHERE state IN ('sending', 'pending', 'unknown')`,
  ).run()
  db.close()
}
