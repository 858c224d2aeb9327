/** Statistics and attention over HTTP: what a client reads after its charges, and what it may not ask for. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AttentionView } from '../../src/api/minipay/attention-schemas.ts'
import type { StatisticsView } from '../../src/api/minipay/statistics-schemas.ts'
import { type Client, client } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

type Refused = { readonly code: string; readonly param: string; readonly error: string }

const dir = tempDir()
let server: RunningServer
let api: Client
before(async () => {
  server = await startServer(join(dir.path, 'minipay.db'))
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir.remove()
})

const statistics = async (query = '') => (await api.get<StatisticsView>(`/api/v1/statistics${query}`)).body

/** Rows without their time, and without what the query did not split by. */
const rowsOf = ({ data }: StatisticsView) =>
  data.map(({ start: _, ...row }) =>
    Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)),
  )

test('a client reads what became of its attempts, split as it wants', async () => {
  assert.deepEqual((await statistics()).data, [])
  const charge = await api.charge()
  await api.charge({ currency: 'jpy', amount: Number.MAX_SAFE_INTEGER })
  await api.charge({ currency: 'jpy', amount: Number.MAX_SAFE_INTEGER - 1 })
  const declined = { amount: 700, currency: 'usd', customer: 'cus_1', payment_method: 'tok_chargeDeclined' }
  assert.equal((await api.post('/api/v1/charges', declined)).status, 402)
  await api.refund(charge.id, { amount: 1_250 })
  const [total, ...others] = rowsOf(await statistics('?bucket=total'))
  assert.deepEqual([total?.['attempts'], others], [5, []])
  assert.deepEqual(rowsOf(await statistics('?by=status,currency,kind&bucket=day&currency=USD')), [
    {
      currency: 'usd',
      kind: 'refund',
      status: 'succeeded',
      attempts: 1,
      amount: 1_250,
      duration_p50_ms: 13,
      duration_p95_ms: 24,
    },
    { currency: 'usd', kind: 'sale', status: 'declined', attempts: 1, amount: 700 },
    { currency: 'usd', kind: 'sale', status: 'succeeded', attempts: 1, amount: 2_500 },
  ])
  assert.deepEqual(rowsOf(await statistics('?by=decline_code&kind=sale&currency=usd')), [
    { attempts: 1, amount: 2_500 },
    { decline_code: 'generic_decline', attempts: 1, amount: 700 },
  ])
})

test('a sum of amounts has all its digits', async () => {
  const response = await fetch(`${server.url}/api/v1/statistics?currency=jpy`)
  assert.match(await response.text(), /"amount":18014398509481981[,}]/)
})

test('the range is rounded to whole buckets, which begin in UTC', async () => {
  const { from, to, bucket } = await statistics(
    '?from=2026-11-23T05:59:59.999%2B02:00&to=2026-11-25T12:00:01Z&bucket=day',
  )
  assert.deepEqual([from, to, bucket], ['2026-11-23T00:00:00.000Z', '2026-11-25T13:00:00.000Z', 'day'])
  const hours = await statistics('?from=2026-11-23T05:59:59Z&to=2026-11-23T06:00:00Z')
  assert.deepEqual([hours.from, hours.to], ['2026-11-23T05:00:00.000Z', '2026-11-23T06:00:00.000Z'])
})

const WRONG = {
  'from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z': 'to',
  'from=2026-11-23T00:00:00Z&to=2026-11-23T00:00:00Z': 'to',
  'from=2026-10-20T00:00:00Z&to=2026-11-23T00:00:00Z': 'from',
  'from=2024-01-01T00:00:00Z&to=2026-11-23T00:00:00Z&bucket=total': 'from',
  'from=2999-01-01T00:00:00Z': 'to',
  'from=yesterday': 'from',
  'by=provider,customer': 'by',
  'by=state': 'by',
  'bucket=month': 'bucket',
  'kind=charge': 'kind',
  'currency=xxx': 'currency',
  'customer=cus_1': 'customer',
} as const

test('a query that cannot be answered is refused, with the parameter and a sentence', async () => {
  for (const [query, param] of Object.entries(WRONG)) {
    const { status, body } = await call<Refused>(server.url, 'GET', `/api/v1/statistics?${query}`)
    assert.deepEqual([status, body.param], [400, param], `${query}: ${JSON.stringify(body)}`)
    assert.match(body.error, /^[A-Z].*\.$/)
  }
})

test('nothing needs attention on a server where nothing went wrong', async () => {
  const { body } = await api.get<AttentionView>('/api/v1/attention')
  assert.deepEqual(body, {
    unresolved: { unknown: 0, pending: 0, overdue: 0, oldest_since: null },
    failed_deliveries: 0,
    webhook_endpoints: { disabled: 0, failing: 0 },
    disputes: { open: 0, needs_response: 0, due: 0, next_due_at: null },
    open_alarms: 0,
    open_breakers: [],
  })
})
