/** Some days of a shop: its requests to a MiniPay of any version, over HTTP, with a bank and receivers of webhooks. */
import { createServer } from 'node:http'
import { Pool } from 'undici'
import { type Draw, drawsOf, weighted } from '../../kit/draws.ts'
import { onLoopback } from '../../kit/sockets.ts'

/** A request with an idempotency key, and its response. */
export type Sent = {
  readonly key: string
  readonly path: string
  readonly body: object
  readonly secret: string
  readonly status: number
  readonly response: unknown
}

const CUSTOMERS = 200_000
/** Of so many stories one is kept. */
const KEPT = 500
/** As long as texts that have a place of their own. */
const LONG = 700

/** A processor that takes most payments, declines some, and fails at a few whose outcome only a lookup finds. */
export async function startBank(): Promise<{ readonly url: string; close(): Promise<void> }> {
  let calls = 0
  const done = new Map<string, object>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      const reference = String(body['reference'])
      const send = (status: number, answer: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      if (request.url === '/lookup') return void send(200, done.get(reference) ?? { status: 'not_found' })
      calls++
      const { amount, currency } = body
      const answer =
        calls % 23 === 0 && request.url === '/authorize'
          ? { status: 'declined', code: 'insufficient_funds', message: 'The account is empty.' }
          : { status: 'succeeded', reference: `pay_${reference}`, amount, currency }
      const isLost = calls % 301 === 0
      if (isLost) done.set(reference, answer)
      send(isLost ? 503 : 200, isLost ? {} : answer)
    })
  })
  return onLoopback(server)
}

/** Takes most events, and fails for every seventh. */
export async function startReceiver(): Promise<{ readonly url: string; close(): Promise<void> }> {
  let events = 0
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(++events % 7 === 0 ? 500 : 200).end())
  })
  return onLoopback(server)
}

export type Day = {
  readonly url: string
  /** Of the API keys of its accounts. */
  readonly secrets: readonly string[]
  /** Its charges have these numbers. */
  readonly from: number
  readonly to: number
  readonly seed: number
}

/** Sends the stories of a day, 64 at a time; returns some of the requests with their responses. */
export async function shop({ url, secrets, from, to, seed }: Day): Promise<Sent[]> {
  const pool = new Pool(url, { connections: 64 })
  const kept: Sent[] = []
  const post = async (secret: string, key: string | null, path: string, body: object) => {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    const { statusCode, body: read } = await pool.request({
      ...{ method: 'POST', path, body: JSON.stringify(body) },
      headers: { ...headers, ...(key !== null && { 'idempotency-key': key }) },
    })
    return { status: statusCode, response: (await read.json()) as Record<string, unknown> }
  }
  async function play(number: number): Promise<void> {
    const draw = drawsOf(seed, number)
    const secret = draw.chance(0.85) ? (secrets[0] as string) : (secrets.at(-1) as string)
    const keep = number % KEPT === 0
    const isKeyless = draw.chance(0.05) && !keep
    const send = async (name: string, path: string, body: object) => {
      const key = isKeyless ? null : `${name}-${number}-${Math.floor(draw.next() * 2 ** 32).toString(16)}`
      const sent = await post(secret, key, path, body)
      if (keep && key !== null && sent.status !== 202) kept.push({ key, path, body, secret, ...sent })
      return sent.response
    }
    const charge = chargeOf(draw)
    const { id, status } = await send('order', '/api/v1/charges', charge)
    if (typeof id !== 'string') return
    if (status === 'authorized')
      await (draw.chance(0.8)
        ? send('capture', `/api/v1/charges/${id}/capture`, { amount: Math.ceil(charge.amount * 0.7) })
        : send('cancel', `/api/v1/charges/${id}/cancel`, {}))
    if (status === 'succeeded' && draw.chance(0.08))
      for (const part of draw.chance(0.5) ? [1] : [0.4, 0.3])
        await send('refund', '/api/v1/refunds', {
          transaction_id: id,
          amount: Math.floor(charge.amount * part),
        })
  }
  let next = from
  const work = async () => {
    while (next < to) await play(next++)
  }
  await Promise.all(Array.from({ length: 64 }, work))
  await pool.close()
  return kept
}

function chargeOf(draw: Draw) {
  const currency = weighted(draw, [
    [68, 'usd'],
    [14, 'eur'],
    [10, 'gbp'],
    [8, 'jpy'],
  ])
  const token = weighted(draw, [
    [94, 'tok_visa'],
    [4, 'tok_chargeDeclinedInsufficientFunds'],
    [2, 'tok_chargeDeclinedExpiredCard'],
  ])
  // One customer is a marketplace with a hundredth of all charges.
  const customer = draw.chance(0.01) ? 'cus_market' : `cus_${Math.floor(CUSTOMERS * draw.next() ** 2)}`
  return {
    ...{ amount: draw.between(100, 90_000), currency, customer },
    // The bank is the provider of these.
    ...(currency !== 'eur' && currency !== 'gbp' && { payment_method: token }),
    ...(draw.chance(0.06) && { capture: false }),
    ...(draw.chance(0.3) && { metadata: { order: String(draw.between(1, 1e9)) } }),
    ...(draw.chance(0.01) && { description: 'A gift, wrapped. '.repeat(LONG / 17) }),
  }
}
