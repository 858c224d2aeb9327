/** The simulator behaves as a processor should, and its statement lists exactly the payments that it made. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { FAULTS } from '../../src/simulator/faults.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { runCli } from '../kit/server.ts'
import { newSecret, type Simulator, type StatedPayment, startSimulator } from '../kit/simulator.ts'

const SECRET = newSecret()
let dir: TempDir
let bank: Simulator

before(async () => {
  dir = tempDir()
  bank = await startSimulator(`${dir.path}/bank.db`, { secret: SECRET })
})
after(async () => {
  await bank?.stop()
  dir?.remove()
})

type BankAnswer = {
  readonly status: string
  readonly reference: string
  readonly amount: number
  readonly decline_code: string
  readonly code: string
  readonly redirect_url: string
}

/** A signed call of the protocol. */
async function send(
  operation: string,
  fields: object,
  to: Simulator = bank,
  body = { operation, ...fields },
) {
  const text = JSON.stringify(body)
  const id = randomUUID()
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
    'webhook-signature': new Webhook(to.secret).sign(id, new Date(), text),
  }
  return call<BankAnswer>(to.url, 'POST', `/${operation}`, text, headers)
}

const order = (changes: object = {}) => ({
  reference: `att_${randomUUID()}`,
  transaction_id: 'txn_1',
  amount: 2_500,
  currency: 'usd',
  customer: 'cus_1',
  payment_method: null,
  capture: true,
  description: null,
  metadata: {},
  ...changes,
})
const about = (payment: string, amount: number) => ({
  reference: `att_${randomUUID()}`,
  transaction_id: 'txn_1',
  payment,
  amount,
  currency: 'usd',
})
async function stated(payment: string, of: Simulator = bank): Promise<StatedPayment> {
  const found = (await of.statement()).payments.find((one) => one.payment === payment)
  assert.ok(found, `the statement has no ${payment}`)
  return found
}

describe('as a processor', () => {
  test('the same reference is done once, at once or later, and answered the same', async () => {
    const asked = order()
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('authorize', asked)))
    answers.push(await send('authorize', asked))
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
    const { payments } = await bank.statement()
    assert.equal(payments.filter(({ reference }) => reference === asked.reference).length, 1)
  })

  test('the same reference for something else is refused and does nothing', async () => {
    const asked = order()
    const { body: paid } = await send('authorize', asked)
    const other = await send('authorize', { ...asked, amount: 2_501 })
    assert.deepEqual([other.status, other.body.code], [409, 'reference_reused'])
    const refund = { ...about(paid.reference, 2_500), reference: asked.reference }
    assert.equal((await send('refund', refund)).body.code, 'reference_reused')
    assert.equal((await stated(paid.reference)).refunded, 0)
  })

  test('a reference that was looked up before it came is refused for ever', async () => {
    const asked = order()
    assert.equal((await send('lookup', { reference: asked.reference })).body.status, 'not_found')
    for (const _ of [1, 2]) {
      const { status, body } = await send('authorize', asked)
      assert.deepEqual([status, body.code], [409, 'reference_closed'])
    }
    assert.equal((await send('lookup', { reference: asked.reference })).body.status, 'not_found')
  })

  test('refunds in parallel never give back more than was captured', async () => {
    const { body } = await send('authorize', order())
    const refunds = Array.from({ length: 10 }, () => send('refund', about(body.reference, 600)))
    const done = (await Promise.all(refunds)).filter(({ body: answer }) => answer.status === 'succeeded')
    assert.equal(done.length, 4)
    assert.equal((await stated(body.reference)).refunded, 2_400)
  })

  test('of captures and cancels in parallel one is done', async () => {
    const { body } = await send('authorize', order({ capture: false }))
    const both = ['capture', 'cancel', 'capture', 'cancel', 'capture'].map((operation) =>
      send(operation, about(body.reference, 2_500)),
    )
    const done = (await Promise.all(both)).filter(({ body: answer }) => answer.status === 'succeeded')
    assert.equal(done.length, 1)
    const { captured, canceled } = await stated(body.reference)
    assert.equal(captured === 2_500, !canceled)
  })

  test('more than is held, another currency and a payment that is not there are refused', async () => {
    const { body } = await send('authorize', order({ capture: false }))
    const wrong: [object, string][] = [
      [about(body.reference, 2_501), 'amount_too_large'],
      [{ ...about(body.reference, 1), currency: 'eur' }, 'wrong_currency'],
      [about('pay_nobody', 1), 'payment_not_found'],
      [about(body.reference, 0), 'invalid_request'],
      [about(body.reference, 0.5), 'invalid_request'],
    ]
    for (const [fields, code] of wrong) {
      const answer = await send('capture', fields)
      assert.deepEqual([answer.status, answer.body.status, answer.body.code], [422, 'refused', code])
    }
    assert.equal((await stated(body.reference)).captured, 0)
  })

  test('a call without a signature, with another, or with that of another operation does nothing', async () => {
    const asked = order()
    const text = JSON.stringify({ operation: 'authorize', ...asked })
    assert.equal((await call(bank.url, 'POST', '/authorize', text)).status, 401)
    const other = { ...bank, secret: newSecret() }
    assert.equal((await send('authorize', asked, other)).status, 401)
    const { body } = await send('authorize', order())
    const capture = { operation: 'capture', ...about(body.reference, 2_500) }
    assert.equal((await send('refund', {}, bank, capture)).status, 400)
    assert.equal((await stated(body.reference)).refunded, 0)
    assert.equal((await send('lookup', { reference: asked.reference })).body.status, 'not_found')
  })
})

describe('what it did', () => {
  test('a payment that was answered is there after SIGKILL, and one that was not answered is whole or absent', async () => {
    const database = `${dir.path}/killed.db`
    const first = await startSimulator(database, { secret: SECRET })
    const { body: paid } = await send('authorize', order(), first)
    await first.arm('refund', 'hold_after')
    const refund = about(paid.reference, 1_000)
    const unanswered = send('refund', refund, first).catch(() => 'cut')
    await first.waitFor('done', 'refund', 1)
    await first.kill()
    assert.equal(await unanswered, 'cut')
    const second = await startSimulator(database, { secret: SECRET })
    try {
      const { captured, refunded } = await stated(paid.reference, second)
      assert.deepEqual([captured, refunded], [2_500, 1_000])
      assert.equal((await send('lookup', { reference: refund.reference }, second)).body.status, 'succeeded')
    } finally {
      await second.stop()
    }
  })

  test('the statement has every payment once and the totals of each currency', async () => {
    const own = await startSimulator(`${dir.path}/statement.db`, { secret: SECRET })
    try {
      // More than one of the pages in which it is read.
      const orders = Array.from({ length: 1_100 }, (_, i) =>
        order({ currency: i % 2 ? 'usd' : 'eur', amount: 10 }),
      )
      const paid = await Promise.all(orders.map((one) => send('authorize', one, own)))
      await send('refund', { ...about(paid[1]?.body.reference ?? '', 4) }, own)
      await send('authorize', order({ capture: false, amount: 7 }), own)
      await send('authorize', order({ payment_method: 'tok_chargeDeclined' }), own)
      const { payments, totals } = await own.statement()
      assert.equal(new Set(payments.map(({ reference }) => reference)).size, 1_101)
      assert.deepEqual(totals, {
        eur: { payments: 550, captured: 5_500, refunded: 0, authorized: 0 },
        usd: { payments: 551, captured: 5_500, refunded: 4, authorized: 7 },
      })
    } finally {
      await own.stop()
    }
  })
})

describe('faults', () => {
  test('every fault has a payment method of its own, and the same call again is served', async () => {
    const silent = [
      'hang',
      'cut_before',
      'cut_after',
      'hold_before',
      'hold_after',
      'huge',
      'half_json',
      'html',
      'empty',
    ]
    for (const [fault, { token }] of Object.entries(FAULTS)) {
      if (silent.includes(fault)) continue
      const asked = order({ payment_method: token })
      const first = await send('authorize', asked)
      const again = await send('authorize', asked)
      assert.ok(
        ['succeeded', 'declined', 'pending'].includes(again.body.status),
        `${fault}: ${again.body.status}`,
      )
      if (fault.startsWith('error')) assert.equal(first.status, 500)
    }
  })

  test('a held call is neither done nor answered before it is released', async () => {
    const { received, done } = await bank.calls()
    await bank.arm('authorize', 'hold_before')
    const asked = order()
    const answer = send('authorize', asked)
    await bank.waitFor('received', 'authorize', received.authorize + 1)
    const { payments } = await bank.statement()
    assert.ok(payments.every(({ reference }) => reference !== asked.reference))
    assert.equal((await bank.calls()).done.authorize, done.authorize)
    assert.deepEqual(await bank.control('POST', '/release'), { released: 1 })
    assert.equal((await answer).body.status, 'succeeded')
  })

  test('with a seed the same faults come in the same order', async () => {
    const draw = async (seed: number) => {
      await bank.faults({ seed, error: 0.3, decline: 0.3 })
      const kinds: string[] = []
      for (let i = 0; i < 40; i++) {
        const { status, body } = await send('authorize', order())
        kinds.push(status === 200 ? body.status : String(status))
      }
      await bank.faults({})
      return kinds
    }
    const first = await draw(7)
    assert.deepEqual(await draw(7), first)
    assert.notDeepEqual(await draw(8), first)
    assert.deepEqual(new Set(first), new Set(['500', 'declined', 'succeeded']))
  })

  test('faults that can not be are refused in words, and change nothing', async () => {
    const before = await bank.control('GET', '/faults')
    const wrong = [
      { hang: 2 },
      { hang: -0.1 },
      { hang: '1' },
      { hang: 0.6, late: 0.6 },
      { sleep: 1 },
      { seed: 0.5 },
    ]
    for (const settings of wrong) {
      const { status, body } = await call<{ error: string }>(bank.url, 'PUT', '/faults', settings)
      assert.deepEqual([status, typeof body.error], [400, 'string'], JSON.stringify(settings))
    }
    for (const next of [
      { operation: 'pay', fault: 'hang' },
      { operation: 'refund', fault: 'sleep' },
    ])
      assert.equal((await call(bank.url, 'PUT', '/faults/next', next)).status, 400)
    assert.deepEqual(await bank.control('GET', '/faults'), before)
  })
})

describe('its notifications', () => {
  test('the simulator sends signed notifications of later outcomes, and retries until they are accepted, also after a restart', async () => {
    let refusals = 2
    const late = order({ payment_method: 'tok_fault_late' })
    const { promise: told, resolve } = Promise.withResolvers<void>()
    const receiver = await startReceiver(({ body }, response) => {
      if (body.includes(late.reference)) resolve()
      response.statusCode = refusals-- > 0 ? 503 : 204
      response.end()
    })
    const database = `${dir.path}/notes.db`
    const first = await startSimulator(database, { secret: SECRET })
    await first.faults({ late_ms: 600_000 })
    assert.equal((await send('authorize', late, first)).body.status, 'pending')
    const { body: paid } = await send('authorize', order(), first)
    const { dispute } = await first.control<{ dispute: string }>('POST', '/disputes', {
      payment: paid.reference,
    })
    await first.control('PUT', '/notify', { url: receiver.url })
    await receiver.waitForRequests(3)
    await first.kill()
    const second = await startSimulator(database, { secret: SECRET })
    try {
      await second.control('POST', '/finish')
      await told
      const notes = receiver.received.map(
        ({ headers, body }) =>
          new Webhook(SECRET).verify(body, headers as Record<string, string>) as BankAnswer,
      )
      const about = new Set(notes.map(({ reference }) => reference))
      assert.deepEqual(about, new Set([dispute, late.reference]))
      assert.equal((await send('lookup', { reference: late.reference }, second)).body.status, 'succeeded')
    } finally {
      await second.stop()
      await receiver.close()
    }
  })

  test("a customer finds the bank's page at redirect_url, and ends the payment with its form", async () => {
    const { body } = await send('authorize', order({ payment_method: 'tok_requires_action' }))
    assert.equal(body.status, 'pending')
    const page = await fetch(body.redirect_url)
    assert.match(await page.text(), /<form method="post">/)
    const form = { method: 'POST', body: new URLSearchParams({ approve: 'true' }) }
    assert.equal((await fetch(body.redirect_url, form)).status, 200)
    assert.equal((await stated(body.reference)).captured, 2_500)
    assert.equal((await fetch(body.redirect_url, form)).status, 409)
  })

  test('a dispute of more than was captured, or the end of one that has ended, is refused', async () => {
    const { body } = await send('authorize', order())
    const open = (amount: number) => call(bank.url, 'POST', '/disputes', { payment: body.reference, amount })
    assert.equal((await open(2_501)).status, 409)
    const { dispute } = (await open(2_000)).body
    assert.equal((await open(501)).status, 409)
    await bank.control('POST', `/disputes/${dispute}`, { status: 'won' })
    assert.equal((await call(bank.url, 'POST', `/disputes/${dispute}`, { status: 'lost' })).status, 409)
    assert.equal((await stated(body.reference)).disputed, 0)
  })
})

describe('its command', () => {
  test('without a secret, or on the file of another program, the simulator does not start', async () => {
    const none = await runCli(['simulator', '--port', '0', '--database', `${dir.path}/none.db`])
    assert.deepEqual([none.code, none.stdout], [2, ''])
    assert.match(
      none.stderr,
      /^minipay: The simulator needs a secret\. Set MINIPAY_SIMULATOR_SECRET, or give --secret\.\n$/,
    )
    const wrong = `${dir.path}/minipay.db`
    assert.equal((await runCli(['migrate', '--database', wrong])).code, 0)
    const env = { MINIPAY_SIMULATOR_SECRET: SECRET }
    const taken = await runCli(['simulator', '--port', '0', '--database', wrong], env)
    assert.deepEqual([taken.code, taken.stdout], [1, ''])
    assert.match(taken.stderr, /is a SQLite database, but not of the simulator\. Check --database\.\n$/)
  })

  test('a second simulator on the same file is refused, and minipay stop ends the first', async () => {
    const file = `${dir.path}/shared.db`
    const first = await startSimulator(file, { secret: SECRET })
    const args = ['--port', '0', '--database', file]
    const second = await runCli(['simulator', ...args], { MINIPAY_SIMULATOR_SECRET: SECRET })
    assert.deepEqual([second.code, second.stdout], [1, ''])
    assert.match(second.stderr, /Another MiniPay process is using .*shared\.db/)
    const stopped = await runCli(['stop', '--database', file])
    assert.equal(stopped.code, 0, stopped.stderr)
    assert.equal(await first.stop(), 0)
  })

  test('the former name of the simulator and the former names of its variables still work', async () => {
    const former = await runCli(['sandbox', '--port', '0', '--database', `${dir.path}/former.db`], {
      MINIPAY_BANK_SECRET: 'no secret',
    })
    assert.deepEqual([former.code, former.stdout], [2, ''])
    assert.match(former.stderr, /^minipay: MINIPAY_BANK_SECRET /)
  })
})
