/** A shop's server that takes payments through MiniPay. docs/guide.md explains it; test/guide-page.test.ts runs it. */
import { createServer, type IncomingMessage } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'

const {
  MINIPAY_SERVER = 'http://127.0.0.1:8080',
  MINIPAY_KEY,
  MINIPAY_WEBHOOK_SECRET = '',
  SHOP_PORT = '8081',
} = process.env
const webhook = new Webhook(MINIPAY_WEBHOOK_SECRET)

const db = new DatabaseSync('shop.db')
db.exec(`
  CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    amount INTEGER NOT NULL,             -- in minor units: 1250 is 12.50 dollars
    customer TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open', -- open -> paying -> paid, or open again after a decline
    tries INTEGER NOT NULL DEFAULT 0,
    key TEXT UNIQUE,                     -- the Idempotency-Key of the newest try
    payment_method TEXT,
    charge TEXT
  );
  INSERT OR IGNORE INTO orders (id, amount, customer) VALUES
    ('1001', 1250, 'cus_1'), ('1002', 4900, 'cus_2'), ('1003', 700, 'cus_3');
`)

type Order = {
  id: string
  amount: number
  customer: string
  status: string
  key: string
  payment_method: string
}
/** A charge, or an error that may contain the failed charge. */
type Body = { id: string; redirect_url: string | null; error: string; code: string; charge?: object }

const find = db.prepare('SELECT * FROM orders WHERE id = ?')
const paying = db.prepare(`SELECT * FROM orders WHERE status = 'paying'`)
const begin = db.prepare(`
  UPDATE orders SET status = 'paying', tries = tries + 1, key = 'order-' || id || '-' || (tries + 1), payment_method = ?
  WHERE id = ? AND status = 'open'`)
const paid = db.prepare(
  `UPDATE orders SET status = 'paid', charge = ? WHERE key = ? AND status = 'paying' RETURNING id`,
)
const failed = db.prepare(`UPDATE orders SET status = 'open' WHERE key = ? AND status = 'paying'`)

/** The customer clicked "Pay". The key is stored before the call, so that a crash cannot lose it. */
async function pay(id: string, paymentMethod: string): Promise<string> {
  begin.run(paymentMethod, id)
  const order = find.get(id) as Order | undefined
  if (!order) return 'There is no such order.'
  return order.status === 'paying' ? charge(order) : `The order is ${order.status}.`
}

/** Charges the order, or continues its charge: the same key never charges twice. Returns a message for the customer. */
async function charge(order: Order): Promise<string> {
  for (const waitMs of [0, 500, 1_500]) {
    await sleep(waitMs)
    const response = await fetch(`${MINIPAY_SERVER}/api/v1/charges`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Idempotency-Key': order.key,
        ...(MINIPAY_KEY && { Authorization: `Bearer ${MINIPAY_KEY}` }),
      },
      body: JSON.stringify({
        amount: order.amount,
        currency: 'usd',
        customer: order.customer,
        payment_method: order.payment_method,
      }),
      signal: AbortSignal.timeout(15_000),
    }).catch(() => null)
    // No response, a server that is busy or stopping, or a key that was refused: the charge may exist from an earlier
    // request. Send the same request again.
    if (!response || [401, 403, 408, 409, 429, 500, 503].includes(response.status)) continue
    const body = (await response.json()) as Body
    switch (response.status) {
      case 200:
      case 201:
        markPaid(order.key, body.id)
        return 'Thank you.'
      case 202:
        return body.redirect_url ?? 'Your payment is being confirmed.'
      case 402: // The provider declined.
      case 502: // No provider could take the payment.
        if (body.charge) failed.run(order.key)
        return body.error
      default:
        failed.run(order.key)
        throw new Error(`MiniPay refused the request: ${body.code}: ${body.error}`)
    }
  }
  return 'Your payment is being confirmed.'
}

/** The response, the webhook and a retry may all report the same payment: only the first one changes the row. */
function markPaid(key: string, chargeId: string): void {
  const order = paid.get(chargeId, key)
  if (order) console.log(`Order ${order['id']} is paid. Ship it.`)
}

/** Throws if the signature is wrong. */
function receive(body: string, headers: IncomingMessage['headers']): void {
  const event = webhook.verify(body, headers as Record<string, string>) as Record<string, string>
  if (event['type'] === 'payment.succeeded') markPaid(event['idempotency_key'] ?? '', event['id'] ?? '')
  if (event['type'] === 'payment.failed') failed.run(event['idempotency_key'] ?? '')
}

/** Continues payments after a crash, or when MiniPay could not be reached, or when a webhook was lost. */
async function resume(): Promise<void> {
  for (const order of paying.all() as Order[]) await charge(order).catch(console.error)
}
resume()
setInterval(resume, 10_000)

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://shop')
  const id = url.pathname.split('/')[2] ?? ''
  let body = ''
  for await (const part of request) body += part
  if (url.pathname === '/webhook') {
    try {
      receive(body, request.headers)
      response.end()
    } catch {
      response.writeHead(401).end()
    }
    return
  }
  const message =
    request.method === 'POST' ? await pay(id, url.searchParams.get('payment_method') ?? '').catch(String) : ''
  const { status } = (find.get(id) ?? {}) as Partial<Order>
  response.end(`${JSON.stringify({ order: id, status, message })}\n`)
})
server.listen(Number(SHOP_PORT), '127.0.0.1', () => console.log('The shop is open.'))
