/**
 * The reference servers: `node references.ts`, and `node references.ts <provider's URL>`. Both serve POST /api/v1/charges
 * with MiniPay's HTTP library, the same schemas and a response of the same fields, and store nothing.
 *
 * - Without a provider it responds at once: the limit of this HTTP library on this machine.
 * - With one it responds once the provider has responded to a call of the same bytes as MiniPay's, whose signature costs
 *   nothing: the limit of this HTTP library and of a common HTTP client together.
 */
import { randomBytes } from 'node:crypto'
import Fastify, { type FastifyRequest } from 'fastify'
import { Pool } from 'undici'
import { Charge, ChargeBody } from '../src/api/minipay/charge-schemas.ts'
import type { chargeView } from '../src/api/minipay/views.ts'
import { idFactory } from '../src/domain/id.ts'
import { authorization } from './requests.ts'

const newId = idFactory(Date.now, () => BigInt(`0x${randomBytes(10).toString('hex')}`))

type ChargeObject = ReturnType<typeof chargeView>

/** As many connections as a load has at most, so that no call waits for one. */
const CONNECTIONS = 1000
/** Of the length of MiniPay's. */
const HEADERS = {
  'content-type': 'application/json',
  'user-agent': 'MiniPay',
  'webhook-id': 'att_06fnvps1900004gzqfx7q5kbvd',
  'webhook-timestamp': '1795772400',
  'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
}

/** A charge with every field of MiniPay's response, so that responses have the same size. */
function newCharge(body: ChargeBody, key: string, reference?: string): ChargeObject {
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
    provider_reference: reference ?? `sandbox_${id}`,
    decline_code: null,
    failure_message: null,
    redirect_url: null,
    expires_at: null,
    cancel_requested: false,
    idempotency_key: key,
    created_at: new Date().toISOString(),
  }
}

type Create = (body: ChargeBody, key: string) => ChargeObject | Promise<ChargeObject>

function throughProvider(url: string): Create {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  const call = { method: 'POST', path: '/authorize', headers: HEADERS } as const
  return async (charge, key) => {
    const { body } = await pool.request({ ...call, body: authorization(charge) })
    const { reference } = JSON.parse(await body.text()) as { reference: string }
    return newCharge(charge, key, reference)
  }
}

async function serve(provider: string | undefined): Promise<void> {
  const create: Create = provider === undefined ? newCharge : throughProvider(provider)
  const app = Fastify({
    logger: false,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })
  app.post(
    '/api/v1/charges',
    { schema: { body: ChargeBody, response: { 201: Charge } } },
    async (request: FastifyRequest, reply) => {
      const key = request.headers['idempotency-key']
      const charge = await create(request.body as ChargeBody, String(key))
      return reply.code(201).type('application/json; charset=utf-8').send(charge)
    },
  )
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  process.stdout.write(`${JSON.stringify({ address })}\n`)
  process.once('SIGTERM', () => process.exit())
}

if (import.meta.main) await serve(process.argv[2])
