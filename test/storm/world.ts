/** The processes of a storm: MiniPay and two banks, which are killed and come back as they were. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { started } from '../kit/folders.ts'
import { type ClusterNode, startNode } from '../kit/nodes.ts'
import { type Statement, startSimulator } from '../kit/simulator.ts'
import { atBank, notifyAt, providersIn, storeRules } from '../kit/world.ts'
import { BANKS, type BankName } from './plan.ts'

/** MiniPay with circuit breakers that bear a storm. */
export const PATIENT = fileURLToPath(new URL('serve.ts', import.meta.url))

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
  readonly node: ClusterNode
  readonly database: string
  /** SIGKILLs these, and does not bring them back. */
  kill(victims: readonly ('minipay' | BankName)[]): Promise<void>
  /** Brings back those that are down. */
  revive(): Promise<void>
  /** Ends the banks' faults and does what they had put off. */
  calm(): Promise<void>
  statements(): Promise<Readonly<Record<BankName, Statement>>>
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts everything in a folder; faults begin at once. */
export function startWorld(folder: string, seed: number): Promise<World> {
  return started(async (ends) => {
    const start = (name: BankName) => startSimulator(join(folder, `${name}.db`))
    const banks = { bank_a: await start('bank_a'), bank_b: await start('bank_b') }
    ends.add(() => Promise.all(Object.values(banks).map((bank) => bank.kill())))
    const database = join(folder, 'minipay.db')
    const providers = BANKS.map((name) => [name, atBank(banks[name], { deadline_ms: DEADLINE_MS })])
    const env = {
      ...providersIn(folder, Object.fromEntries(providers)),
      MINIPAY_PROVIDER_WAIT_MS: String(PROVIDER_WAIT_MS),
    }
    const node = await startNode(database, env, [PATIENT])
    ends.add(node.kill)
    await storeRules(node.url, RULES)

    const down = new Set<'minipay' | BankName>()
    let reviving: Promise<unknown> = Promise.resolve()
    ends.add(() => reviving.catch(() => {}))
    let faults: Readonly<Record<string, number>> = { latency_ms: LATENCY_MS, late_ms: LATE_MS, ...RATES }
    let starts = 0
    const setFaults = (name: BankName) =>
      banks[name].faults({ ...faults, seed: (seed + 7919 * starts++) % 600_000 })
    for (const name of BANKS) {
      await notifyAt(banks[name], node.url, name)
      await setFaults(name)
    }
    async function startAgain(who: 'minipay' | BankName): Promise<void> {
      if (who === 'minipay') return node.start()
      await banks[who].start()
      await setFaults(who)
    }
    return {
      node,
      database,
      async kill(victims) {
        for (const who of victims) down.add(who)
        await Promise.all(victims.map((who) => (who === 'minipay' ? node : banks[who]).kill()))
      },
      async revive() {
        for (const who of down) {
          down.delete(who)
          reviving = startAgain(who)
          await reviving
        }
      },
      async calm() {
        faults = {}
        for (const name of BANKS) {
          await setFaults(name)
          await banks[name].control('POST', '/finish')
        }
      },
      async statements() {
        return { bank_a: await banks.bank_a.statement(), bank_b: await banks.bank_b.statement() }
      },
    }
  })
}
