import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import {
  all,
  type Balance,
  type Charge,
  type Client,
  client,
  type ErrorAnswer,
  eventsAfter,
  type LedgerAccount,
  type MetricsAnswer,
  type Page,
  type Refund,
  stored,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { CLI, type RunningServer, runCli, startServer } from '../kit/server.ts'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const CHARGE = { amount: 2500, currency: 'usd', customer: 'cus_42' }

let dir: TempDir
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`, { MINIPAY_ALLOWED_ORIGINS: '*' })
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

const balance = async () => (await api.get<Balance>('/api/v1/balance')).body
const counters = async () => (await api.get<MetricsAnswer>('/metrics')).body

describe('charges', () => {
  test('a charge is answered 201 with the original fields', async () => {
    const key = randomUUID()
    const { status, body } = await api.post<Charge>('/api/v1/charges', CHARGE, { 'Idempotency-Key': key })
    assert.equal(status, 201)
    assert.match(body.id, /^txn_/)
    assert.match(body.created_at, RFC3339)
    const { amount, currency, customer, idempotency_key } = body
    assert.deepEqual({ amount, currency, customer, idempotency_key }, { ...CHARGE, idempotency_key: key })
    assert.equal(body.status, 'succeeded')
  })

  test('the same Idempotency-Key again is answered 200 with the same object', async () => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const first = await api.post<Charge>('/api/v1/charges', CHARGE, headers)
    const again = await api.post<Charge>('/api/v1/charges', CHARGE, headers)
    assert.deepEqual([first.status, again.status, again.body], [201, 200, first.body])
  })

  test('a missing or wrong field and bad JSON are answered 400 with a sentence in error', async () => {
    const { amount, currency, customer } = CHARGE
    for (const body of [
      { currency, customer },
      { amount, customer },
      { amount, currency },
      { ...CHARGE, amount: 0 },
      { ...CHARGE, amount: -1 },
      { ...CHARGE, amount: '2500' },
      { ...CHARGE, customer: '' },
      { ...CHARGE, customer: 42 },
      '{"amount": 2500,',
    ]) {
      const answer = await api.post<ErrorAnswer>('/api/v1/charges', body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.match(answer.body.error, /^[A-Z].*\.$/)
    }
  })

  test('a currency is taken in either case and answered in lower case', async () => {
    assert.equal((await api.charge({ currency: 'USD' })).currency, 'usd')
  })
})

describe('refunds', () => {
  const refund = (transaction_id: unknown) =>
    api.post<Refund & ErrorAnswer>('/api/v1/refunds', { transaction_id })

  test('a refund is answered 200 with the transaction’s id, the amount, refunded and the time', async () => {
    const { id } = await api.charge()
    const { status, body } = await refund(id)
    assert.deepEqual([status, body.id, body.amount, body.status], [200, id, 2500, 'refunded'])
    assert.match(body.refunded_at, RFC3339)
  })

  test('a transaction that does not exist is answered 404', async () => {
    const { status, body } = await refund('txn_nothing')
    assert.deepEqual([status, typeof body.error], [404, 'string'])
  })

  test('a transaction that is already refunded is answered 409', async () => {
    const { id } = await api.charge()
    await refund(id)
    const { status, body } = await refund(id)
    assert.deepEqual([status, body.code, typeof body.error], [409, 'already_refunded', 'string'])
  })

  test('a transaction that is not in a refundable state is answered 409', async () => {
    const declined = await api.post<{ charge: Charge }>('/api/v1/charges', {
      ...CHARGE,
      payment_method: 'tok_chargeDeclined',
    })
    const { status, body } = await refund(declined.body.charge.id)
    assert.deepEqual([status, body.code], [409, 'charge_not_refundable'])
  })

  test('a bad body is answered 400', async () => {
    for (const body of [{}, { transaction_id: 7 }, { transaction_id: null }, [], 'null', '{']) {
      const answer = await api.post<ErrorAnswer>('/api/v1/refunds', body)
      assert.deepEqual([answer.status, typeof answer.body.error], [400, 'string'], JSON.stringify(body))
    }
  })
})

describe('balance, metrics and health', () => {
  test('an unused server has a balance of 0, no transactions and no counts', async () => {
    const fresh = await startServer(`${dir.path}/fresh.db`)
    const unused = client(fresh.url)
    const { body } = await unused.get<Balance>('/api/v1/balance')
    const metrics = (await unused.get<MetricsAnswer>('/metrics')).body
    await fresh.stop()
    assert.deepEqual(body, {
      ...{ successful_transactions: 0, refunded_transactions: 0, balance: 0 },
      ...{ currency: null, balances: [] },
    })
    assert.deepEqual([...new Set(Object.values(metrics))], [0])
  })

  test('the balance is what succeeded less what was refunded, beside both counts', async () => {
    const was = await balance()
    const { id } = await api.charge({ amount: 1000 })
    await api.charge({ amount: 300 })
    await api.refund(id, { amount: 400 })
    const is = await balance()
    assert.equal(is.successful_transactions, was.successful_transactions + 2)
    assert.equal(is.refunded_transactions, was.refunded_transactions + 1)
    assert.equal(is.balance, (was.balance as number) + 900)
    assert.equal(is.currency, 'usd')
  })

  test('the metrics are the six counters of the original', async () => {
    const was = await counters()
    const { id } = await api.charge()
    await api.refund(id)
    assert.deepEqual(await counters(), {
      ...was,
      total_charges: was.total_charges + 1,
      total_refunds: was.total_refunds + 1,
    })
    assert.deepEqual(Object.keys(was), [
      ...['total_charges', 'total_refunds', 'pending_webhooks', 'delivered_webhooks'],
      ...['failed_webhooks', 'webhook_retries'],
    ])
  })

  test('health is 200 with status ok', async () => {
    const { status, body } = await api.get('/health')
    assert.deepEqual([status, body], [200, { status: 'ok' }])
  })
})

describe('CORS, with the setting that allows every origin', () => {
  test('any origin may read every answer, errors included', async () => {
    for (const path of ['/health', '/metrics', '/api/v1/balance', '/api/v1/charges/none', '/none']) {
      const { headers } = await api.get(path, { origin: 'https://shop.example' })
      assert.equal(headers.get('access-control-allow-origin'), '*', path)
    }
  })

  test('OPTIONS is answered 204 with the original methods on every path', async () => {
    for (const path of ['/api/v1/charges', '/api/v1/refunds', '/api/v1/balance', '/health']) {
      const { status, headers, body } = await call(server.url, 'OPTIONS', path, undefined, {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,idempotency-key',
      })
      assert.deepEqual([status, body], [204, ''], path)
      assert.equal(headers.get('access-control-allow-origin'), '*')
      assert.equal(headers.get('access-control-allow-methods'), 'POST, OPTIONS, GET, PUT, PATCH, DELETE')
      const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
      assert.ok(allowed?.includes('content-type') && allowed.includes('idempotency-key'))
    }
  })
})

describe('starting', () => {
  test('the defaults are port 8080, minipay.db and the webhook target on 8081', async () => {
    const { stdout } = await runCli(['serve', '--help'])
    for (const text of [
      'Environment: PORT. Default: 8080',
      'Default: minipay.db',
      'Environment: WEBHOOK_TARGET. Default: http://localhost:8081/webhook',
    ])
      assert.ok(stdout.includes(text), text)
  })

  test('PORT chooses the port, and minipay.db is made in the working directory', async () => {
    const folder = tempDir()
    const child = spawn(process.execPath, [CLI, 'serve'], {
      cwd: folder.path,
      env: { PORT: '0', WEBHOOK_TARGET: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let log = ''
    const address = await new Promise<string | undefined>((resolve) => {
      child.once('exit', () => resolve(undefined))
      child.stdout.on('data', (chunk) => {
        log += chunk
        const found = /"address":"([^"]+)"/.exec(log)?.[1]
        if (found) resolve(found)
      })
    })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    assert.match(address ?? '', /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal(await exited, 0)
    assert.equal(existsSync(`${folder.path}/minipay.db`), true)
    folder.remove()
  })
})

describe('faults of the original that are not ours', () => {
  test('1: parallel requests with one key make one charge', async () => {
    const customer = `cus_${randomUUID()}`
    const headers = { 'Idempotency-Key': randomUUID() }
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.post<Charge>('/api/v1/charges', { ...CHARGE, customer }, headers)),
    )
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    assert.equal((await all<Charge>(api, `/api/v1/charges?customer=${customer}`)).length, 1)
  })

  test('2: a key that is used again with another body is an error, and has no effect', async () => {
    const { idempotency_key } = await api.charge()
    const was = await stored(api)
    const other = { ...CHARGE, amount: 1, currency: 'clf' }
    const answer = await api.post<ErrorAnswer>('/api/v1/charges', other, {
      'Idempotency-Key': idempotency_key,
    })
    assert.deepEqual([answer.status, answer.body.code], [422, 'idempotency_key_reused'])
    assert.deepEqual(await stored(api), was)
  })

  test('3: each charge has its key, its two entries and its one event', async () => {
    const seen = (await eventsAfter(api)).at(-1)?.sequence ?? 0
    const charge = await api.charge()
    const events = await eventsAfter(api, seen)
    assert.deepEqual(
      events.map(({ type, data }) => [type, data]),
      [['payment.succeeded', charge]],
    )
    const entries = await api.get<Page<object>>(`/api/v1/ledger/entries?transaction_id=${charge.id}`)
    assert.equal(entries.body.data.length, 2)
    const again = await api.post<Charge>('/api/v1/charges', CHARGE, {
      'Idempotency-Key': charge.idempotency_key,
    })
    assert.deepEqual([again.status, again.body], [200, charge])
  })

  test('4: of two refunds at once one succeeds, once more under its key, in part, and with an event', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const seen = (await eventsAfter(api)).at(-1)?.sequence ?? 0
    const partial = await api.refund(id, { amount: 1 }, 'fault-4')
    assert.deepEqual(await api.refund(id, { amount: 1 }, 'fault-4'), partial)
    const both = await Promise.all(
      [1, 2].map(() => api.post<Refund>('/api/v1/refunds', { transaction_id: id })),
    )
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 409])
    const types = (await eventsAfter(api, seen)).map(({ type }) => type)
    assert.deepEqual(types, ['payment.refunded', 'payment.refunded'])
  })

  test('5: balances are kept per currency, with refunds taken off, and never added together', async () => {
    const own = await startServer(`${dir.path}/currencies.db`)
    const shop = client(own.url)
    const { id } = await shop.charge({ amount: 1000, currency: 'usd' })
    await shop.refund(id, { amount: 250 })
    await shop.charge({ amount: 5000, currency: 'jpy' })
    const { body } = await shop.get<Balance>('/api/v1/balance')
    const accounts = await shop.get<Page<LedgerAccount>>('/api/v1/ledger/accounts')
    await own.stop()
    assert.deepEqual([body.balance, body.currency], [null, null])
    assert.deepEqual([body.successful_transactions, body.refunded_transactions], [2, 1])
    assert.deepEqual(
      body.balances.map((b) => [b.currency, b.exponent, b.balance]),
      [
        ['jpy', 0, 5000],
        ['usd', 2, 750],
      ],
    )
    const of = (account: string) =>
      accounts.body.data.filter((a) => a.account === account).map((a) => [a.currency, a.balance])
    assert.deepEqual(of('merchant'), [
      ['jpy', -5000],
      ['usd', -750],
    ])
    assert.deepEqual(of('provider:sandbox'), [
      ['jpy', 5000],
      ['usd', 750],
    ])
  })

  test('6: the metrics are the same after a restart, and after a kill', async () => {
    const file = `${dir.path}/restart.db`
    // Nobody listens on the target: the discard port is never served on loopback.
    const env = { WEBHOOK_TARGET: 'http://127.0.0.1:9/webhook' }
    const read = async (from: RunningServer) => {
      const { body } = await client(from.url).get<MetricsAnswer>('/metrics')
      // Retries go on while the server runs: only that they do not fall is certain.
      return { counts: { ...body, webhook_retries: 0 }, retries: body.webhook_retries }
    }
    const first = await startServer(file, env)
    const { id } = await client(first.url).charge()
    await client(first.url).charge()
    await client(first.url).refund(id)
    const was = await read(first)
    assert.equal(await first.stop(), 0)
    const second = await startServer(file, env)
    const then = await read(second)
    await second.kill()
    const third = await startServer(file, env)
    const now = await read(third)
    await third.stop()
    assert.deepEqual(was.counts, {
      ...{ total_charges: 2, total_refunds: 1, pending_webhooks: 3 },
      ...{ delivered_webhooks: 0, failed_webhooks: 0, webhook_retries: 0 },
    })
    assert.deepEqual([then.counts, now.counts], [was.counts, was.counts])
    assert.ok(was.retries <= then.retries && then.retries <= now.retries)
  })

  test('9: integers outside int64 and unknown fields do not pass', async () => {
    const text = (amount: string) => `{"amount":${amount},"currency":"usd","customer":"c"}`
    for (const amount of ['9223372036854775808', '9223372036854775807', '-9223372036854775810']) {
      const { status, body } = await api.post<ErrorAnswer>('/api/v1/charges', text(amount))
      assert.deepEqual([status, body.code, body.param], [400, 'amount_invalid', 'amount'], amount)
    }
    const { status, body } = await api.post<ErrorAnswer>('/api/v1/charges', { ...CHARGE, amuont: 1 })
    assert.deepEqual([status, body.code, body.param], [400, 'parameter_unknown', 'amuont'])
  })

  test('10: many charges at once share their disk syncs', async () => {
    await Promise.all(Array.from({ length: 200 }, () => api.charge()))
    const { body } = await api.get<string>('/metrics', { accept: 'text/plain' })
    const value = (name: string) =>
      Number(new RegExp(`^minipay_commit_group_size_${name} (\\d+)$`, 'm').exec(body)?.[1])
    assert.ok(value('sum') > value('count'), `${value('sum')} writes in ${value('count')} commits`)
  })
})
