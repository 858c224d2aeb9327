/** MiniPay as a library: how a program charges without a server, and what it may rely on. */
import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import {
  type ChargeOrder,
  type ChargeResult,
  ConfigError,
  createMiniPay,
  type MiniPay,
  type MiniPayOptions,
  type RefundResult,
  StoreUnavailable,
} from '../../src/minipay.ts'
import { manualRuntime } from '../../src/runtime/manual.ts'
import { secretKey } from '../../src/signing.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { onEngine } from '../kit/server.ts'
import { newSecret } from '../kit/simulator.ts'
import { until } from '../kit/until.ts'

const ORDER: ChargeOrder = { amount: 2500, currency: 'usd', customer: 'cus_42' }

/** A library over a database of its own, without webhooks unless the options have a target. */
async function open(t: TestContext, options: MiniPayOptions = {}): Promise<MiniPay> {
  const database = await onEngine(join(folderOf(t), 'library.db'))
  const minipay = await createMiniPay({ database, webhookTarget: '', ...options })
  atEnd(t, () => minipay.close().catch(() => {}))
  return minipay
}

function chargeOf(result: ChargeResult) {
  assert.ok(result.kind !== 'rejected', JSON.stringify(result))
  return result.charge
}

function refundOf(result: RefundResult) {
  assert.ok(result.kind !== 'rejected', JSON.stringify(result))
  return result.refund
}

test('a program charges a customer, refunds a part, and reads both and the balances', async (t) => {
  const minipay = await open(t)
  const paid = await minipay.createCharge({ ...ORDER, metadata: { order: '1042' } })
  assert.equal(paid.kind, 'created')
  const { id, status, metadata } = chargeOf(paid)
  assert.deepEqual([status, metadata], ['succeeded', { order: '1042' }])
  const back = await minipay.createRefund({ chargeId: id, amount: 1000, reason: 'damaged' })
  assert.equal(back.kind, 'done')
  assert.deepEqual(await minipay.refund(refundOf(back).id), refundOf(back))
  const charge = await minipay.charge(id)
  assert.deepEqual([charge?.status, charge?.amountRefunded], ['partially_refunded', 1000])
  assert.deepEqual((await minipay.charges()).data, [charge])
  assert.deepEqual((await minipay.refunds({ chargeId: id })).data, [refundOf(back)])
  const [succeeded, refunded, ...more] = (await minipay.events()).data
  assert.deepEqual([succeeded?.type, refunded?.type, more], ['payment.succeeded', 'payment.refunded', []])
  assert.deepEqual([succeeded?.data.charge, refunded?.data.charge], [chargeOf(paid), charge])
  assert.ok(refunded?.data.charge)
  assert.deepEqual([refunded.data.refund, refunded.data.previous?.status], [refundOf(back), 'succeeded'])
  assert.equal(refunded.data.previousRefund, undefined, 'the refund is new')
  const sandbox = (await minipay.balances()).accounts.find(({ account }) => account === 'provider:sandbox')
  assert.equal(sandbox?.balance, 1500n)
})

test('money that is held is captured in part, or canceled', async (t) => {
  const minipay = await open(t)
  const [one, other] = await Promise.all([1, 2].map(() => minipay.createCharge({ ...ORDER, capture: false })))
  const captured = await minipay.captureCharge(chargeOf(one as ChargeResult).id, { amount: 2000 })
  assert.deepEqual([captured.kind, chargeOf(captured).amountCaptured], ['done', 2000])
  const canceled = await minipay.cancelCharge(chargeOf(other as ChargeResult).id)
  assert.deepEqual([canceled.kind, chargeOf(canceled).status], ['done', 'canceled'])
  const attempts = await minipay.attempts(chargeOf(captured).id)
  assert.deepEqual(
    attempts?.map(({ kind }) => kind),
    ['authorize', 'capture'],
  )
})

test('a request that is repeated with its key happens once, and another request under the key is refused', async (t) => {
  const minipay = await open(t)
  const key = { idempotencyKey: 'order-1042' }
  const first = await minipay.createCharge(ORDER, key)
  const again = await minipay.createCharge(ORDER, key)
  assert.deepEqual(again, { ...first, replayed: true })
  const other = await minipay.createCharge({ ...ORDER, amount: 1 }, key)
  assert.equal(other.kind === 'rejected' && other.code, 'idempotency_key_reused')
  assert.equal((await minipay.charges()).data.length, 1)
})

test('a repeated request has its first result, though the charge has changed since', async (t) => {
  const minipay = await open(t)
  const key = { idempotencyKey: 'order-1042' }
  const first = await minipay.createCharge({ ...ORDER, description: 'd'.repeat(1_000) }, key)
  await minipay.createRefund({ chargeId: chargeOf(first).id })
  const again = await minipay.createCharge({ ...ORDER, description: 'd'.repeat(1_000) }, key)
  assert.deepEqual(again, { ...first, replayed: true })
  assert.equal((await minipay.charge(chargeOf(first).id))?.status, 'refunded')
})

test('a decline is a result with a reason, and the failed charge is stored', async (t) => {
  const minipay = await open(t)
  const result = await minipay.createCharge({
    ...ORDER,
    paymentMethod: 'tok_chargeDeclinedInsufficientFunds',
  })
  assert.ok(result.kind === 'declined', result.kind)
  assert.equal(result.declineCode, 'insufficient_funds')
  assert.equal((await minipay.charge(result.charge.id))?.status, 'failed')
})

test('a wrong request is refused with a code and stores nothing', async (t) => {
  const minipay = await open(t)
  const codeOf = async (result: Promise<ChargeResult | RefundResult>) => {
    const ended = await result
    return ended.kind === 'rejected' ? ended.code : ended.kind
  }
  assert.equal(await codeOf(minipay.createCharge({ ...ORDER, amount: 0.5 })), 'amount_invalid')
  assert.equal(
    await codeOf(minipay.createCharge({ ...ORDER, customer: '4242 4242 4242 4242' })),
    'card_number_refused',
  )
  assert.equal(
    await codeOf(minipay.createCharge(ORDER, { idempotencyKey: 'a key' })),
    'idempotency_key_invalid',
  )
  assert.equal(await codeOf(minipay.captureCharge('txn_none')), 'transaction_not_found')
  assert.equal(await codeOf(minipay.createRefund({ chargeId: 'txn_none' })), 'transaction_not_found')
  assert.deepEqual((await minipay.charges()).data, [])
})

test('a wrong option is refused with its name', async () => {
  const refused = async (options: object, sentence: RegExp) =>
    assert.rejects(
      createMiniPay(options),
      (error) => error instanceof ConfigError && sentence.test(error.message),
    )
  await refused({ providerWaitMs: -1 }, /^The option providerWaitMs must be /)
  await refused({ webhookTarget: 'ftp://example.com' }, /^The option webhookTarget must /)
  await refused({ dataBase: 'a.db' }, /no option dataBase/)
})

test('the modes see nothing of each other, and only test mode is the default', async (t) => {
  const database = await onEngine(join(folderOf(t), 'modes.db'))
  const open = (options: MiniPayOptions) => createMiniPay({ database, webhookTarget: '', ...options })
  const first = await open({})
  const { id } = chargeOf(await first.createCharge(ORDER, { idempotencyKey: 'k' }))
  await first.close()
  const live = await open({ mode: 'live' })
  assert.deepEqual([await live.charge(id), (await live.charges()).data], [undefined, []])
  assert.deepEqual([(await live.events()).data, (await live.balances()).accounts], [[], []])
  await live.close()
  const test_ = await open({ mode: 'test' })
  assert.equal((await test_.charge(id))?.id, id)
  await test_.close()
  await assert.rejects(
    open({ mode: 'both' as 'test' }),
    new ConfigError('The option mode must be one of test, live.'),
  )
})

test('providers may be given as an object, and routing rules choose among them', async (t) => {
  const minipay = await open(t, { providers: { one: { kind: 'sandbox' }, two: { kind: 'sandbox' } } })
  assert.equal(chargeOf(await minipay.createCharge(ORDER)).provider, 'one')
  const replaced = await minipay.replaceRoutingRules({ rules: [], default: { providers: ['two'] } })
  assert.deepEqual(replaced, { version: 1 })
  assert.equal((await minipay.routingRules()).version, 1)
  assert.equal(chargeOf(await minipay.createCharge(ORDER)).provider, 'two')
  const wrong = await minipay.replaceRoutingRules({ rules: [], default: { providers: ['three'] } })
  assert.equal('kind' in wrong && wrong.code, 'routing_rules_invalid')
})

test('a charge whose response is lost at a real provider is accepted first, and becomes final by a lookup', async (t) => {
  const folder = folderOf(t)
  const text = newSecret()
  const secret = { text, key: secretKey(text) ?? assert.fail() }
  const place = { host: '127.0.0.1', port: 0, database: join(folder, 'simulator.db') }
  const simulator = await startSimulator({ ...place, secret, notify: null })
  atEnd(t, simulator.close)
  const bank = { kind: 'http', mode: 'test', url: simulator.address, secret: text }
  const minipay = await open(t, { providers: { bank }, providerWaitMs: 100 })
  const order = { ...ORDER, paymentMethod: 'tok_fault_cut_after' }
  const key = { idempotencyKey: 'order-1042' }
  const first = await minipay.createCharge(order, key)
  assert.deepEqual([first.kind, chargeOf(first).status], ['accepted', 'processing'])
  const { id } = chargeOf(first)
  await until('a lookup found the payment', async () => (await minipay.charge(id))?.status === 'succeeded')
  const again = await minipay.createCharge(order, key)
  assert.deepEqual([again.kind, chargeOf(again).id], ['created', id])
  assert.deepEqual(
    (await minipay.events()).data.map(({ type }) => type),
    ['payment.succeeded'],
  )
})

test('the workers deliver signed webhooks, and without workers none is sent', async (t) => {
  const receiver = await startReceiver()
  atEnd(t, receiver.close)
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const idle = await open(t, { webhookTarget: receiver.url, workers: false })
  await idle.createCharge(ORDER)
  const minipay = await open(t, { webhookTarget: receiver.url, webhookSecret: secret })
  const { id } = chargeOf(await minipay.createCharge(ORDER))
  await receiver.waitFor(1)
  const [{ body, headers } = assert.fail()] = receiver.received
  const told = new Webhook(secret).verify(body, headers as Record<string, string>) as { id: string }
  assert.equal(told.id, id)
  assert.equal(receiver.different().length, 1)
})

test('two MiniPays in one process work side by side, each with its own database, keys and log', async (t) => {
  const said: string[][] = [[], []]
  const logOf = (i: number) => {
    const say = (_: object, sentence: string) => void said[i]?.push(sentence)
    return { info: say, warn: say, error: say }
  }
  const both = await Promise.all([0, 1].map((i) => open(t, { log: logOf(i) })))
  for (const lines of said) lines.length = 0
  const key = { idempotencyKey: 'order-1' }
  const charges = await Promise.all(
    Array.from({ length: 40 }, (_, i) => both[i % 2]?.createCharge({ ...ORDER, amount: i + 1 })),
  )
  for (const [i, minipay] of both.entries()) {
    const { data } = await minipay.charges({ limit: 100 })
    const mine = charges.filter((_, n) => n % 2 === i).map((result) => chargeOf(result as ChargeResult).id)
    assert.deepEqual(new Set(data.map(({ id }) => id)), new Set(mine))
    assert.equal((await minipay.createCharge(ORDER, key)).kind, 'created')
  }
  await both[0]?.close()
  assert.equal((await both[1]?.createCharge(ORDER))?.kind, 'created')
  assert.deepEqual(said[1], [])
})

test('a file is open in one MiniPay alone, also within a process, and is free again after a close', {
  skip: process.env['TEST_POSTGRES'] !== undefined && 'several nodes share a PostgreSQL database',
}, async (t) => {
  const database = join(folderOf(t), 'one.db')
  const first = await createMiniPay({ database, webhookTarget: '' })
  await assert.rejects(createMiniPay({ database, webhookTarget: '' }), /is using .*one\.db already/)
  assert.equal((await first.createCharge(ORDER)).kind, 'created')
  await first.close()
  const second = await createMiniPay({ database, webhookTarget: '' })
  assert.equal((await second.charges()).data.length, 1)
  await second.close()
})

test('when the files of one database are taken away, its MiniPay alone refuses further charges', {
  skip: process.env['TEST_POSTGRES'] !== undefined && 'a PostgreSQL database is no file',
}, async (t) => {
  const folder = folderOf(t)
  const fatal: Error[] = []
  const database = join(folder, 'gone.db')
  const gone = await createMiniPay({ database, webhookTarget: '', onFatal: (error) => fatal.push(error) })
  atEnd(t, () => gone.close().catch(() => {}))
  const stays = await open(t, { onFatal: assert.ifError })
  assert.equal((await gone.createCharge(ORDER)).kind, 'created')
  renameSync(database, join(folder, 'elsewhere.db'))
  await until('the loss was noticed', () => fatal.length > 0)
  assert.match(String(fatal[0]), /gone\.db .* while MiniPay was serving it/)
  await assert.rejects(gone.createCharge(ORDER), { name: 'StoreUnavailable', reason: 'lost' })
  assert.equal((await stays.createCharge(ORDER)).kind, 'created')
  assert.equal(fatal.length, 1)
})

test('a close waits for calls in progress, and a later call is refused', async (t) => {
  const minipay = await open(t)
  const results = Array.from({ length: 20 }, () => minipay.createCharge(ORDER))
  await Promise.all([minipay.close(), minipay.close()])
  for (const result of await Promise.all(results)) assert.equal(result.kind, 'created')
  const isClosed = (error: unknown) => error instanceof StoreUnavailable && error.reason === 'closing'
  await assert.rejects(minipay.createCharge(ORDER), isClosed)
  await assert.rejects(minipay.charges(), isClosed)
})

test('under a hand-driven runtime a charge has its time, and the retry of a webhook comes when that time has passed', {
  skip: process.env['TEST_POSTGRES'] !== undefined && 'PostgreSQL has the time of its server',
}, async (t) => {
  const receiver = await startReceiver((_, response) => {
    response.statusCode = receiver.received.length === 1 ? 503 : 200
    response.end()
  })
  atEnd(t, receiver.close)
  const now = Date.UTC(2030, 0, 1)
  const runtime = manualRuntime({ now })
  /** Lets time pass, a millisecond in each turn, until work in real time has ended. */
  const during = async <T>(work: Promise<T>): Promise<T> => {
    let ended = false
    const ends = work.finally(() => {
      ended = true
    })
    while (!ended) await runtime.advance(1)
    return ends
  }
  const database = join(folderOf(t), 'library.db')
  const minipay = await createMiniPay({ database, runtime, webhookTarget: receiver.url })
  assert.equal(chargeOf(await minipay.createCharge(ORDER)).createdAt, now)
  await during(receiver.waitForRequests(2))
  assert.ok(runtime.now() - now >= 1_000)
  await during(minipay.close())
  assert.equal(runtime.pending, 0)
})
