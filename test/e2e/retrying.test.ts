/** Failed webhooks are sent again by what they have in common, with one call. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import {
  type Charge,
  type Client,
  client,
  type Delivery,
  type ErrorAnswer,
  type Page,
  until,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call as callHttp } from '../kit/http.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

type Retried = { queued: number; has_more: boolean; next: string | null; dry_run: boolean }

let dir: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client
/** How each customer's webhooks are answered. */
const answers = new Map<string, number>()

before(async () => {
  dir = tempDir()
  receiver = await startReceiver((webhook, response) => {
    const { customer } = JSON.parse(webhook.body) as Charge
    response.writeHead(answers.get(customer) ?? 200).end()
  })
  server = await startServer(`${dir.path}/minipay.db`, { WEBHOOK_TARGET: receiver.url })
  api = client(server.url)
})
after(async () => {
  await receiver?.close()
  await server?.stop()
  dir?.remove()
})

const failed = async () =>
  (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?status=failed&limit=100')).body.data
const retry = (body: object = {}) => api.post<Retried>('/api/v1/webhook_deliveries/retry', body)
const dryRun = async (body: object = {}) => (await retry({ ...body, dry_run: true })).body.queued

/** Charges, and a refund each, whose webhooks all fail with that status. */
async function failing(customer: string, status: number, count: number): Promise<void> {
  answers.set(customer, status)
  const were = (await failed()).length
  for (let i = 0; i < count; i++) await api.refund((await api.charge({ customer })).id)
  await until(failed, (found) => found.length === were + 2 * count)
}

/** Lets every webhook succeed, sends what is left and waits for it. */
async function cleanUp(): Promise<void> {
  answers.clear()
  await retry()
  await until(failed, (found) => found.length === 0)
}

test('all failed deliveries are sent again with one call, or as many as requested', async () => {
  await failing('one', 404, 3)
  assert.deepEqual((await retry({ dry_run: true })).body, {
    ...{ queued: 6, has_more: false, next: null, dry_run: true },
  })
  assert.equal((await failed()).length, 6, 'a dry run changes nothing')
  answers.clear()
  const oldest = (await failed()).map(({ id }) => id).sort()
  const first = await retry({ limit: 2 })
  assert.deepEqual(first.body, { queued: 2, has_more: true, next: oldest[1], dry_run: false })
  const rest = await retry({ starting_after: first.body.next })
  assert.deepEqual(rest.body, { queued: 4, has_more: false, next: null, dry_run: false })
  const list = async () => (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?limit=100')).body.data
  await until(list, (found) => found.every(({ status }) => status === 'delivered'))
  assert.deepEqual((await retry()).body, { queued: 0, has_more: false, next: null, dry_run: false })
})

test('a filter names the event type, the last answer, the endpoint and the time, and all of it together', async () => {
  await failing('gone', 410, 2)
  const between = (await failed())[0]?.created_at ?? ''
  await failing('unknown', 404, 1)
  for (const [filter, count] of [
    [{}, 6],
    [{ event_type: 'payment.succeeded' }, 3],
    [{ event_type: 'payment.refunded' }, 3],
    [{ event_type: 'dispute.opened' }, 0],
    [{ last_status: 410 }, 4],
    [{ last_status: 404 }, 2],
    [{ last_status: null }, 0],
    [{ endpoint: 'default' }, 6],
    [{ endpoint: 'another' }, 0],
    [{ created_gt: between }, 2],
    [{ created_gte: between }, 3],
    [{ created_lte: between }, 4],
    [{ created_lt: between }, 3],
    [{ created_gt: '2020-01-01T00:00:00Z', created_lt: '2021-01-01T00:00:00Z' }, 0],
    [{ last_status: 410, event_type: 'payment.refunded', created_lt: between }, 1],
  ] as const)
    assert.equal(await dryRun(filter), count, JSON.stringify(filter))
  answers.clear()
  assert.equal((await retry({ last_status: 410, event_type: 'payment.refunded' })).body.queued, 2)
  await until(failed, (found) => found.length === 4)
  await cleanUp()
})

test('an invalid filter is refused, and nothing is sent', async () => {
  await failing('refused', 404, 1)
  for (const [body, code] of [
    [{ event_type: 'payment.unknown' }, 'parameter_invalid'],
    [{ last_status: '404' }, 'parameter_invalid'],
    [{ last_status: 42 }, 'parameter_invalid'],
    [{ created_gte: 'yesterday' }, 'parameter_invalid'],
    [{ limit: 0 }, 'parameter_invalid'],
    [{ limit: 10_001 }, 'parameter_invalid'],
    [{ dry_run: 'yes' }, 'parameter_invalid'],
    [{ status: 'failed' }, 'parameter_unknown'],
    [{ starting_after: 'txn_1' }, 'cursor_invalid'],
  ] as const) {
    const answer = await api.post<ErrorAnswer>('/api/v1/webhook_deliveries/retry', body)
    assert.deepEqual([answer.status, answer.body.code], [400, code], JSON.stringify(body))
  }
  assert.equal((await failed()).length, 2)
  await cleanUp()
})

test('minipay webhooks lists what failed, and sends it again by filter', async () => {
  const run = (...words: string[]) => runCli(['webhooks', ...words, '--server', server.url])
  assert.equal((await run()).stdout, 'No webhook has failed.\n')
  await failing('cli', 404, 2)
  const { stdout, stderr } = await run()
  assert.equal(stdout.trim().split('\n').length, 4)
  assert.match(
    stdout,
    /^dlv_\w{26} {2}payment\.refunded, event \d+, to default, \S+Z, 1 attempts: the receiver responded with 404$/m,
  )
  assert.match(stderr, /minipay webhooks retry/)
  const dry = await run('retry', 'last_status=404', 'event_type=payment.refunded', 'dry_run')
  assert.equal(dry.stdout, '2 webhooks would be sent again.\n')
  for (const word of ['last_status=4xx', 'status=failed', 'nonsense']) {
    const bad = await run('retry', word)
    assert.equal(bad.code, 2)
    assert.match(bad.stderr, /is no filter\. Give event_type=…, /)
  }
  const vague = await run('retry', 'created_gte=yesterday')
  assert.equal(vague.code, 2)
  assert.match(vague.stderr, /created_gte must be a date such as/)
  answers.clear()
  assert.equal((await run('retry', 'last_status=none')).stdout, '0 webhooks will be sent again.\n')
  assert.equal((await run('retry')).stdout, '4 webhooks will be sent again.\n')
  await until(failed, (found) => found.length === 0)
})

test('of very many that failed a call puts back a bounded number, and the command all of them', async (t) => {
  const file = `${dir.path}/many.db`
  const first = await startServer(file, { WEBHOOK_TARGET: receiver.url })
  await client(first.url).charge()
  await first.stop()
  const db = new Database(file)
  db.pragma('foreign_keys = OFF')
  db.exec(`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12345)
    INSERT INTO webhook_deliveries (account_id, live, id, endpoint, event_seq, event_id, event_type, state, attempts,
      revision, tries, created_at, settled_at)
    SELECT 1, 0, printf('dlv_%026d', i), 'default', 1, 'evt_1', 'payment.succeeded', 'failed', 6, 0,
      json_array(json_object('at', i, 'ms', 1, 'status', CASE WHEN i % 2 THEN 500 ELSE 503 END, 'error', 'No.',
        'answer', NULL, 'why', 'event')), i, i FROM n;
    UPDATE webhook_cursors SET failed = failed + 12345;
    INSERT INTO counters (account_id, live, name, currency, value) VALUES (1, 0, 'deliveries_failed', '', 12345)`)
  db.close()
  const many = await startServer(file, { WEBHOOK_TARGET: '' })
  t.after(() => many.kill())
  const call = async (body: object) =>
    (await client(many.url).post<Retried>('/api/v1/webhook_deliveries/retry', body)).body
  const one = await call({ dry_run: true })
  assert.deepEqual([one.queued, one.has_more], [10_000, true])
  const two = await call({ dry_run: true, starting_after: one.next })
  assert.deepEqual([two.queued, two.has_more, two.next], [2_345, false, null])
  const half = await call({ last_status: 503, created_lt: '1970-01-01T00:00:00.101Z' })
  assert.equal(half.queued, 50)
  const { stdout } = await runCli(['webhooks', 'retry', 'last_status=503', '--server', many.url])
  assert.equal(stdout, `${6172 - 50} webhooks will be sent again.\n`)
  // Counted as they are: those that are pending again, and those that failed with 500.
  const { body } = await callHttp<{ pending_webhooks: number; failed_webhooks: number }>(
    many.url,
    'GET',
    '/metrics',
  )
  assert.equal(body.failed_webhooks, 6_173)
  assert.ok(body.pending_webhooks >= 6_172)
})
