import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import {
  type Charge,
  type Client,
  client,
  type ErrorAnswer,
  type MetricsAnswer,
  until,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

let dir: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  receiver = await startReceiver()
  server = await startServer(`${dir.path}/minipay.db`, {
    WEBHOOK_TARGET: receiver.url,
    MINIPAY_IDEMPOTENCY_WAIT_MS: '0',
  })
  api = client(server.url)
})
after(async () => {
  await receiver?.close()
  await server?.stop()
  dir?.remove()
})

/** Holds the database's write lock in this process until it is called again: no commit can end. */
function lock(file: string): () => void {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return () => db.close()
}

describe('Prometheus metrics', () => {
  type Sample = { readonly name: string; readonly labels: Record<string, string>; readonly value: number }
  const LINE = /^([a-z0-9_]+)(?:\{((?:[a-z0-9_]+="[^"]*",?)*)\})? (-?[\d.e+-]+|[+-]Inf|NaN)$/i

  /** The exposition format (https://prometheus.io/docs/instrumenting/exposition_formats), or a failure. */
  function parse(text: string): { samples: Sample[]; types: Map<string, string> } {
    const types = new Map<string, string>()
    const samples: Sample[] = []
    for (const line of text.split('\n')) {
      const [, , typed, type] = /^# (TYPE) ([a-z0-9_]+) (counter|gauge|histogram|summary)$/.exec(line) ?? []
      if (typed && type) types.set(typed, type)
      if (line === '' || line.startsWith('#')) continue
      const [, name, labels = '', value] = LINE.exec(line) ?? []
      assert.ok(name, `not a sample: ${line}`)
      samples.push({ name, labels: Object.fromEntries(pairs(labels)), value: Number(value) })
    }
    return { samples, types }
  }
  const pairs = (labels: string) =>
    [...labels.matchAll(/([a-z0-9_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value])
  const scrape = async () => {
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1'
    const { headers, body } = await api.get<string>('/metrics', { accept })
    assert.match(headers.get('content-type') ?? '', /^text\/plain/)
    return parse(body)
  }
  const find = (samples: Sample[], name: string, labels: Record<string, string> = {}) =>
    samples.find((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value

  test('only a client that requests the text gets it: a browser and a plain client get JSON', async () => {
    for (const accept of ['*/*', 'application/json', 'text/html,application/xhtml+xml,*/*;q=0.8']) {
      const { headers } = await api.get('/metrics', { accept })
      assert.match(headers.get('content-type') ?? '', /^application\/json/, accept)
    }
    await scrape()
  })

  test('histograms are cumulative up to +Inf, which is their count', async () => {
    await api.charge()
    const { samples, types } = await scrape()
    for (const name of ['minipay_http_request_duration_seconds', 'minipay_commit_group_size'])
      assert.equal(types.get(name), 'histogram')
    for (const { name, labels, value } of samples.filter(({ name }) => /^minipay_.*_count$/.test(name))) {
      const own = samples.filter(
        (s) =>
          s.name === name.replace(/_count$/, '_bucket') &&
          Object.entries(labels).every(([k, v]) => s.labels[k] === v),
      )
      const counts = own.map((s) => s.value)
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => a - b),
        name,
      )
      assert.deepEqual([own.at(-1)?.labels['le'], own.at(-1)?.value], ['+Inf', value], name)
    }
  })

  test('requests are counted by method, route pattern and status, never by path', async () => {
    const labels = { method: 'GET', route: '/api/v1/charges/:id', status: '200' }
    const name = 'minipay_http_request_duration_seconds_count'
    const { id } = await api.charge()
    const was = find((await scrape()).samples, name, labels) ?? 0
    await api.get(`/api/v1/charges/${id}`)
    // The answer is counted when it was sent, which the client may see before the server does.
    const { samples } = await until(scrape, (found) => find(found.samples, name, labels) !== was)
    assert.equal(find(samples, name, labels), was + 1)
    assert.doesNotMatch(JSON.stringify(samples), /txn_/)
  })

  test('charges, refunds, deliveries and their queue are what the JSON says', async () => {
    const { id } = await api.charge()
    await api.refund(id)
    await api.post('/api/v1/charges', {
      ...{ amount: 1, currency: 'usd', customer: 'c', payment_method: 'tok_chargeDeclined' },
    })
    const json = async () => (await api.get<MetricsAnswer>('/metrics')).body
    const counts = await until(json, ({ pending_webhooks }) => pending_webhooks === 0)
    const { samples } = await until(
      scrape,
      (found) => find(found.samples, 'minipay_webhooks_in_flight') === 0,
    )
    assert.deepEqual(
      {
        total_charges: find(samples, 'minipay_charges', { currency: 'usd', outcome: 'succeeded' }),
        total_refunds: find(samples, 'minipay_refunds', { mode: 'test', currency: 'usd' }),
        pending_webhooks: find(samples, 'minipay_webhook_deliveries', { state: 'pending' }),
        delivered_webhooks: find(samples, 'minipay_webhook_deliveries', { state: 'delivered' }),
        failed_webhooks: find(samples, 'minipay_webhook_deliveries', { state: 'failed' }),
        webhook_retries: find(samples, 'minipay_webhook_retries'),
      },
      counts,
    )
    assert.ok((find(samples, 'minipay_charges', { outcome: 'failed' }) ?? 0) > 0)
    assert.ok((find(samples, 'minipay_webhook_attempt_duration_seconds_count', { outcome: '2xx' }) ?? 0) > 0)
    assert.equal(find(samples, 'minipay_errors_total'), 0)
  })

  test('group sizes count the writes that shared a commit', async () => {
    const sum = async () => find((await scrape()).samples, 'minipay_commit_group_size_sum') ?? 0
    const was = await sum()
    await Promise.all(Array.from({ length: 64 }, () => api.charge()))
    assert.ok((await sum()) >= was + 64)
  })

  test('the process reports its memory, CPU and start', async () => {
    const { samples } = await scrape()
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'process_start_time_seconds',
    ])
      assert.ok((find(samples, name) ?? 0) > 0, name)
  })
})

describe('readiness', () => {
  test('/ready is 503 while the store takes no writes, when the process is alive all the same, and 200 again after', async () => {
    assert.deepEqual((await api.get('/ready')).body, { status: 'ready' })
    const release = lock(server.database)
    const ready = await api.get('/ready')
    const health = await api.get('/health')
    release()
    assert.deepEqual([ready.status, ready.body], [503, { status: 'store_unavailable' }])
    assert.equal(health.status, 200)
    await until(
      () => api.get('/ready'),
      ({ status }) => status === 200,
    )
  })
})

describe('stopping', () => {
  test('SIGTERM lets a request in flight be answered, takes no new one, and exits with 0', async () => {
    const own = await startServer(`${dir.path}/stop.db`, { MINIPAY_IDEMPOTENCY_WAIT_MS: '0' })
    const shop = client(own.url)
    const send = () =>
      shop.post<Charge & ErrorAnswer>(
        '/api/v1/charges',
        { amount: 1, currency: 'usd', customer: 'c' },
        { 'idempotency-key': 'stop' },
      )
    const release = lock(own.database)
    const both = [send(), send()]
    // One is answered that its twin runs: then the other is surely in flight.
    const refused = await Promise.race(both.map(async (sent, i) => ({ status: (await sent).status, i })))
    assert.equal(refused.status, 409)
    const exit = own.stop()
    release()
    const answer = await both[1 - refused.i]
    assert.equal(answer?.status, 201)
    assert.equal(await exit, 0)
    await assert.rejects(call(own.url, 'GET', '/health'))
    const db = new Database(own.database, { readonly: true })
    assert.equal(db.prepare('SELECT count(*) FROM charges').pluck().get(), 1)
    db.close()
  })
})
