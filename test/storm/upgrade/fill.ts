/** Fills a database with the past of a shop, by a former MiniPay at the times of that past. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { call } from '../../kit/http.ts'
import { startServer } from '../../kit/server.ts'
import { providersIn } from '../../kit/world.ts'
import { type Sent, shop, startBank, startReceiver } from './shop.ts'

export type Past = {
  /** The folder of the former MiniPay. */
  readonly checkout: string
  readonly database: string
  /** Of the file of providers. */
  readonly folder: string
  readonly charges: number
  readonly days: number
  readonly seed: number
}

const DAY_MS = 86_400_000
const CLOCK = fileURLToPath(new URL('clock.js', import.meta.url))
const EUROPE = { name: 'Europe', when: "currency in ['eur', 'gbp']", providers: ['bank'] }
const RULES = { rules: [EUROPE], default: { providers: ['sandbox'] } }

/** The providers of the past; they need not run any more. */
export const providers = (folder: string, bank = 'http://127.0.0.1:9') =>
  providersIn(folder, {
    sandbox: { kind: 'sandbox' },
    bank: {
      ...{ kind: 'http', mode: 'test', url: bank, lookup: 'final', concurrency: 1_000 },
      secret: `whsec_${Buffer.alloc(32, 'bank').toString('base64')}`,
    },
  })

/** Resolves with some of its requests and their responses, for a later version to repeat. */
export async function fill(past: Past, tell: (text: string) => void): Promise<Sent[]> {
  const { checkout, database, folder, charges, days, seed } = past
  const [bank, receiver] = [await startBank(), await startReceiver()]
  const kept: Sent[] = []
  let secrets: string[] = []
  try {
    for (let day = 0; day < days; day++) {
      const behind = { CLOCK_BEHIND_MS: String((days - day) * DAY_MS) }
      const program = ['--import', CLOCK, join(checkout, 'bin/minipay.js')]
      if (day === 0) secrets = await open(program, { ...process.env, ...behind, MINIPAY_DATABASE: database })
      const server = await startServer(database, { ...providers(folder, bank.url), ...behind }, [
        ...program,
        'serve',
      ])
      if (day === 0) await prepare(server.url, secrets, receiver.url)
      const [from, to] = [Math.floor((charges * day) / days), Math.floor((charges * (day + 1)) / days)]
      kept.push(...(await shop({ url: server.url, secrets, from, to, seed })))
      tell(`${to} of ${charges} charges`)
      await server.stop()
    }
  } finally {
    await Promise.all([bank.close(), receiver.close()])
  }
  writeFileSync(join(folder, 'sent.json'), JSON.stringify(kept))
  return kept
}

/** Makes an account beside the first, and an API key for each; returns the secrets. */
async function open(program: readonly string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const run = async (...words: string[]) =>
    (await promisify(execFile)(process.execPath, [...program, ...words], { env })).stdout.trim()
  await run('migrate')
  const create = ['keys', 'create', 'shop', '--mode', 'test', '--role', 'administrator']
  const account = /acct_\w+/.exec(await run('accounts', 'create', 'Other'))?.[0] ?? ''
  return [await run(...create), await run(...create, '--account', account)]
}

/** Stores rules, and makes an endpoint of webhooks, in each account. */
async function prepare(url: string, secrets: readonly string[], receiver: string): Promise<void> {
  const send = async (secret: string, method: string, path: string, body: object) => {
    const answer = await call(url, method, path, body, { authorization: `Bearer ${secret}` })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`)
  }
  for (const secret of secrets) {
    await send(secret, 'PUT', '/api/v1/routing', { document: RULES })
    await send(secret, 'POST', '/api/v1/webhook_endpoints', {
      ...{ url: receiver, events: ['payment.refunded', 'payment.failed'], retry_delays_seconds: [1] },
    })
  }
}
