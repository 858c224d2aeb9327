/**
 * The reference servers: `node references.ts <ceiling|original|tuned> <database>`. Each serves POST /api/v1/charges
 * with the same HTTP library, the same schemas and a response of the same fields.
 *
 * - ceiling: stores nothing. It shows the limit of this HTTP library on this machine.
 * - original: the storage of the original: four commits a charge on SQLite's default journal.
 * - tuned: the same four commits with WAL, synchronous=FULL and one connection.
 *
 * The original wrote the transaction as pending, then its idempotency key, then the new status, then the webhook event,
 * and committed each separately.
 */
import { randomBytes } from 'node:crypto'
import Database from 'better-sqlite3'
import Fastify, { type FastifyRequest } from 'fastify'
import { Charge, ChargeBody } from '../src/api/minipay/charge-schemas.ts'
import type { chargeView } from '../src/api/minipay/views.ts'
import { idFactory } from '../src/domain/id.ts'

export type ReferenceKind = 'ceiling' | 'original' | 'tuned'

const newId = idFactory(Date.now, () => BigInt(`0x${randomBytes(10).toString('hex')}`))

type ChargeObject = ReturnType<typeof chargeView>
type Answer = { readonly status: 200 | 201; readonly charge: ChargeObject | string }

/** A charge with every field of MiniPay's response, so that responses have the same size. */
function newCharge(body: ChargeBody, key: string): ReturnType<typeof chargeView> {
  const id = newId('txn')
  return {
    id,
    amount: body.amount,
    amount_captured: body.amount,
    amount_refunded: 0,
    amount_refund_pending: 0,
    amount_disputed: 0,
    currency: body.currency,
    customer: body.customer,
    status: 'succeeded',
    capture: true,
    payment_method: body.payment_method ?? null,
    description: body.description ?? null,
    metadata: body.metadata ?? {},
    provider: 'sandbox',
    provider_reference: `sandbox_${id}`,
    decline_code: null,
    failure_message: null,
    redirect_url: null,
    expires_at: null,
    cancel_requested: false,
    idempotency_key: key,
    created_at: new Date().toISOString(),
  }
}

function storeNothing(body: ChargeBody, key: string): Answer {
  return { status: 201, charge: newCharge(body, key) }
}

const TABLES = `
  CREATE TABLE transactions (
    id TEXT PRIMARY KEY,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    customer TEXT NOT NULL,
    status TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    created_at TEXT NOT NULL
  );
  CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at TEXT NOT NULL
  );
  CREATE TABLE webhook_events (
    id TEXT PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL
  );
  CREATE INDEX webhook_events_due ON webhook_events (status, next_attempt_at);`

/** Four statements, each its own commit, on one connection with prepared statements. */
function fourCommits(file: string, tuned: boolean): (body: ChargeBody, key: string) => Answer {
  const db = new Database(file)
  if (tuned) {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
  }
  db.exec(TABLES)
  const findKey = db.prepare<[string], string>('SELECT response FROM idempotency_keys WHERE key = ?').pluck()
  const insertTransaction = db.prepare('INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?)')
  const insertKey = db.prepare('INSERT INTO idempotency_keys VALUES (?, ?, ?, ?)')
  const updateStatus = db.prepare('UPDATE transactions SET status = ? WHERE id = ?')
  const insertEvent = db.prepare('INSERT INTO webhook_events VALUES (?, ?, ?, ?, ?, ?, ?)')
  return (body, key) => {
    const known = findKey.get(key)
    if (known !== undefined) return { status: 200, charge: known }
    const charge = newCharge(body, key)
    const { id, amount, currency, customer, status, created_at: at } = charge
    const text = JSON.stringify(charge)
    insertTransaction.run(id, amount, currency, customer, 'pending', key, at)
    insertKey.run(key, id, text, at)
    updateStatus.run(status, id)
    insertEvent.run(newId('evt'), id, 'payment.succeeded', text, 'pending', 0, at)
    return { status: 201, charge }
  }
}

async function serve(kind: ReferenceKind, file: string): Promise<void> {
  const createCharge = kind === 'ceiling' ? storeNothing : fourCommits(file, kind === 'tuned')
  const app = Fastify({
    logger: false,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })
  app.post(
    '/api/v1/charges',
    { schema: { body: ChargeBody, response: { 201: Charge } } },
    async (request: FastifyRequest, reply) => {
      const key = request.headers['idempotency-key']
      const { status, charge } = createCharge(request.body as ChargeBody, String(key))
      return reply.code(status).type('application/json; charset=utf-8').send(charge)
    },
  )
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  process.stdout.write(`${JSON.stringify({ address })}\n`)
  process.once('SIGTERM', () => app.close())
}

if (import.meta.main) await serve(process.argv[2] as ReferenceKind, process.argv[3] as string)
