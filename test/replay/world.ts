/** A MiniPay on one engine with a bank and a receiver of webhooks of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'
import { newSecret, type RunningBank, startBank } from '../kit/simulator.ts'
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
  /** Of the server that runs now. */
  url(): string
  readonly bank: RunningBank
  readonly webhooks: Receiver
  /** Everything the servers have logged. */
  logged(): string
  restart(providers: Providers): Promise<void>
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>
  /** What `minipay verify` says, or what is wrong. */
  verify(): Promise<string>
  /** Ends every process. */
  end(): Promise<void>
}

/** Starts them; the server knows the sandbox alone until it is started again. */
export async function startWorld(engine: string, database: string, folder: string): Promise<World> {
  const secret = newSecret()
  const providers = join(folder, `${engine}.json`)
  const webhooks = await startReceiver(judge())
  const bank = await startBank(join(folder, `${engine}-bank.db`), { secret })
  const lives: RunningServer[] = []

  async function start(which: Providers, port: string): Promise<void> {
    const known = which === 'bank' ? { MINIPAY_PROVIDERS: providers } : {}
    const env = { ...SETTINGS, ...known, WEBHOOK_TARGET: webhooks.url, PORT: port }
    lives.push(await startServer(database, env))
  }
  const server = () => lives.at(-1) as RunningServer

  async function end(): Promise<void> {
    await Promise.all([...lives.map((life) => life.kill()), bank.kill(), webhooks.close()])
  }
  try {
    writeFileSync(
      providers,
      JSON.stringify({
        sandbox: { kind: 'sandbox' },
        bank: { kind: 'http', url: bank.url, secret, deadline_ms: 30_000, lookup: 'final' },
      }),
    )
    await start('sandbox', '0')
    await bank.faults({ late_ms: 20 })
    await bank.control('PUT', '/notify', { url: `${server().url}/providers/bank/notifications` })
  } catch (error) {
    await end()
    throw error
  }
  return {
    engine,
    url: () => server().url,
    bank,
    webhooks,
    logged: () => lives.map((life) => life.output()).join(''),
    async restart(which) {
      const { port } = new URL(server().url)
      const code = await server().stop()
      if (code !== 0) throw new Error(`${engine} ended with ${code}:\n${server().output()}`)
      await start(which, port)
    },
    stop: () => server().stop(),
    async verify() {
      const { code, stdout, stderr } = await runCli(['verify', '--database', database])
      return code === 0 ? stdout.trim() : `it ended with ${code}: ${stderr}`
    },
    end,
  }
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
