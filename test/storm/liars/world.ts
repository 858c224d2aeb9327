/** The processes of a storm of liars: MiniPay, an honest bank, a receiver of webhooks, and the liars in this one. */
import { join } from 'node:path'
import { type Backstage, backstage, type Engine, newDatabase } from '../../kit/backstage.ts'
import { started } from '../../kit/folders.ts'
import { type ClusterNode, startNode } from '../../kit/nodes.ts'
import { type Receiver, startReceiver } from '../../kit/receiver.ts'
import { newSecret, type Statement, startSimulator } from '../../kit/simulator.ts'
import { atBank, notifyAt, providersIn, storeRules } from '../../kit/world.ts'
import { PATIENT } from '../world.ts'
import type { Temper } from './conduct.ts'
import { type Liar, type Lookup, startLiar } from './liar.ts'
import { BANK, LIARS, type LiarName } from './plan.ts'

const DEADLINE_MS = 400
const SETTINGS = { MINIPAY_PROVIDER_WAIT_MS: '1000', MINIPAY_IDEMPOTENCY_WAIT_MS: '500' }
/** What the honest bank does wrong: answers get lost. */
const FAULTS = { cut_before: 0.05, cut_after: 0.05, decline: 0.05, late: 0.05, late_ms: 50 }

type Promises = { readonly lookup: Lookup; readonly idempotent?: boolean; readonly partial_capture?: boolean }
/** What each liar promises of itself in the providers' file. */
const PROMISES: Readonly<Record<LiarName, Promises>> = {
  liar_a: { lookup: 'final' },
  liar_b: { lookup: 'eventual' },
  liar_c: { lookup: 'eventual', idempotent: false, partial_capture: false },
  // Only the same call again shows what became of one.
  liar_d: { lookup: 'none' },
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
    {
      name: 'large',
      when: 'amount > 40000',
      providers: ['liar_d', 'liar_a', BANK],
      failover_on: FAILOVER,
    },
  ],
  default: {
    split: [
      { provider: 'liar_a', weight: 30 },
      { provider: 'liar_b', weight: 30 },
      { provider: 'liar_d', weight: 20 },
      { provider: BANK, weight: 20 },
    ],
    failover_on: FAILOVER,
  },
}

export type World = {
  readonly node: ClusterNode
  readonly database: string
  readonly liars: readonly Liar[]
  readonly webhooks: Receiver
  readonly backstage: Backstage
  /** SIGKILL for MiniPay, or a liar's connections cut. */
  fell(victim: 'minipay' | LiarName): Promise<void>
  raise(victim: 'minipay' | LiarName): Promise<void>
  /** The honest bank's faults end too. */
  calm(): Promise<void>
  statement(): Promise<Statement>
  /** Ends every process. */
  end(): Promise<void>
}

export function startWorld(
  engine: Engine,
  folder: string,
  seed: number,
  temperOf: (story: string) => Temper,
): Promise<World> {
  return started(async (ends) => {
    const database = await newDatabase(engine, folder, ends)
    const webhooks = await startReceiver(unwell())
    ends.add(webhooks.close)
    let url = ''
    const liars = await Promise.all(
      LIARS.map((name) =>
        startLiar({
          name,
          seed,
          lookup: PROMISES[name].lookup,
          deadlineMs: DEADLINE_MS,
          temperOf,
          target: () => `${url}/providers/${name}/notifications`,
        }),
      ),
    )
    ends.add(() => Promise.all(liars.map((liar) => liar.close())))
    const bank = await startSimulator(join(folder, 'bank.db'))
    ends.add(bank.kill)
    await bank.faults({ ...FAULTS, seed: seed % 600_000 })
    const deadline = { deadline_ms: DEADLINE_MS }
    const entries = liars.map((liar) => [
      liar.name,
      atBank(liar, { ...deadline, ...PROMISES[liar.name as LiarName] }),
    ])
    const env = {
      ...SETTINGS,
      ...providersIn(folder, { ...Object.fromEntries(entries), [BANK]: atBank(bank, deadline) }),
      WEBHOOK_TARGET: webhooks.url,
      MINIPAY_WEBHOOK_SECRET: newSecret(),
    }
    const node = await startNode(database, env, [PATIENT])
    ends.add(node.kill)
    url = node.url
    await storeRules(url, RULES)
    await notifyAt(bank, url, BANK)
    const liarOf = (name: LiarName) => liars.find((liar) => liar.name === name) as Liar
    return {
      node,
      database,
      liars,
      webhooks,
      backstage: backstage(database),
      async fell(victim) {
        if (victim !== 'minipay') return liarOf(victim).down()
        if (node.hasEnded()) throw new Error(`MiniPay ended by itself:\n${node.log().slice(-4_000)}`)
        await node.kill()
      },
      raise: (victim) => (victim === 'minipay' ? node.start() : liarOf(victim).up()),
      async calm() {
        await bank.faults({})
        await bank.control('POST', '/finish')
      },
      statement: bank.statement,
    }
  })
}

/** A receiver that puts off every thirtieth webhook. */
function unwell(): Parameters<typeof startReceiver>[0] {
  let count = 0
  return (_webhook, response) => void response.writeHead(++count % 30 === 0 ? 503 : 200).end()
}
