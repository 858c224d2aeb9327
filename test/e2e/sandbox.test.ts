import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { SANDBOX_TOKENS } from '../../src/providers/sandbox.ts'
import { type Charge, type Client, client, type DeclineAnswer, type Page } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

let dir: TempDir
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`)
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

describe('the sandbox', () => {
  const pay = (payment_method: string, key: string = randomUUID()) =>
    api.post<Charge & DeclineAnswer>(
      '/api/v1/charges',
      { amount: 700, currency: 'usd', customer: 'cus_sandbox', payment_method },
      { 'idempotency-key': key },
    )

  test('every token has the outcome that its table says', async () => {
    for (const [token, decline] of SANDBOX_TOKENS) {
      const { status, body } = await pay(token)
      if (decline === null) assert.deepEqual([status, body.status], [201, 'succeeded'], token)
      else
        assert.deepEqual(
          [status, body.code, body.decline_code, body.error],
          [402, 'card_declined', decline.declineCode, decline.message],
          token,
        )
    }
  })

  test('a token that the sandbox does not know is declined', async () => {
    const { status, body } = await pay('tok_nobody')
    assert.deepEqual([status, body.decline_code], [402, 'invalid_payment_method'])
  })

  test('a declined charge is stored and listed as failed, with why, and moves no money', async () => {
    const { status, body } = await pay('tok_chargeDeclinedInsufficientFunds')
    const { charge } = body
    assert.equal(status, 402)
    assert.deepEqual(
      [charge.status, charge.decline_code, charge.failure_message, charge.provider_reference],
      ['failed', 'insufficient_funds', body.error, null],
    )
    assert.deepEqual((await api.get(`/api/v1/charges/${charge.id}`)).body, charge)
    const failed = await api.get<Page<Charge>>('/api/v1/charges?customer=cus_sandbox&status=failed&limit=1')
    assert.deepEqual(failed.body.data, [charge])
    const entries = await api.get<Page<object>>(`/api/v1/ledger/entries?transaction_id=${charge.id}`)
    assert.deepEqual(entries.body.data, [])
  })

  test('a decline is replayed as the same decline, and the provider is not called again', async () => {
    const key = randomUUID()
    const first = await pay('tok_chargeDeclinedExpiredCard', key)
    const again = await pay('tok_chargeDeclinedExpiredCard', key)
    assert.equal(again.status, 402)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.deepEqual({ ...again.body, request_id: '' }, { ...first.body, request_id: '' })
    assert.notEqual(again.body.request_id, first.body.request_id)
  })
})
