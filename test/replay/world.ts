/** A MiniPay on one engine with a bank and a receiver of webhooks of its own. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { started } from '../kit/folders.ts'
import { type ClusterNode, startNode } from '../kit/nodes.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { runCli } from '../kit/server.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'
import { atBank, notifyAt, providersIn } from '../kit/world.ts'
import type { Providers } from './log.ts'

/** Customers whose webhooks are refused at first, and whose are put off once; see `judge`. */
export const REFUSING = 'cus_refusing'
export const FLAKY = 'cus_flaky'

const SETTINGS = {
  // However slow the machine is, a twin is waited for.
  MINIPAY_IDEMPOTENCY_WAIT_MS: '60000',
  MINIPAY_PROVIDER_WAIT_MS: '60000',
}

export type World = {
  readonly engine: string
  readonly node: ClusterNode
  readonly bank: Simulator
  readonly webhooks: Receiver
  /** Stops it and starts it anew with these providers. */
  restart(providers: Providers): Promise<void>
  /** What `minipay verify` says, or what is wrong. */
  verify(): Promise<string>
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts them; the server knows the sandbox alone until it is started again. */
export function startWorld(engine: string, database: string, folder: string): Promise<World> {
  return started(async (ends) => {
    const webhooks = await startReceiver(judge())
    ends.add(webhooks.close)
    const bank = await startSimulator(join(folder, `${engine}-bank.db`))
    ends.add(bank.kill)
    const alone = { ...SETTINGS, WEBHOOK_TARGET: webhooks.url }
    const own = mkdtempSync(join(folder, 'providers-'))
    const sandbox = { kind: 'sandbox' }
    const withBank = providersIn(own, { sandbox, bank: atBank(bank, { deadline_ms: 30_000 }) })
    const node = await startNode(database, alone)
    ends.add(node.kill)
    await bank.faults({ late_ms: 20 })
    await notifyAt(bank, node.url, 'bank')
    return {
      engine,
      node,
      bank,
      webhooks,
      async restart(which) {
        const code = await node.stop()
        if (code !== 0) throw new Error(`${engine} ended with ${code}:\n${node.log()}`)
        await node.start(which === 'bank' ? { ...alone, ...withBank } : alone)
      },
      async verify() {
        const { code, stdout, stderr } = await runCli(['verify', '--database', database])
        // The chains' head depends on how the engine grouped the commits.
        const [books = ''] = stdout.split('\n')
        return code === 0 ? books : `it ended with ${code}: ${stderr}`
      },
    }
  })
}

/**
 * Answers webhooks by what they say: those of two customers fail at first. What was refused and is sent again is taken
 * for even amounts.
 */
function judge(): Parameters<typeof startReceiver>[0] {
  const seen = new Map<string, number>()
  return ({ headers, body }, response) => {
    const { customer, amount } = JSON.parse(body) as { customer: string; amount: number }
    const id = String(headers['x-webhook-delivery'])
    const tries = (seen.get(id) ?? 0) + 1
    seen.set(id, tries)
    const isRefused = customer === REFUSING && (tries === 1 || amount % 2 === 1)
    const isPutOff = customer === FLAKY && tries === 1
    response.writeHead(isRefused ? 400 : isPutOff ? 503 : 200).end()
  }
}
