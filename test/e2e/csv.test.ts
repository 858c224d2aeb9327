/** Every list that is CSV, too: it has the objects of the JSON list, by the same filters. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { client, type Page } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

const dir = tempDir()
let server: RunningServer
const api = () => client(server.url)
before(async () => {
  server = await startServer(join(dir.path, 'minipay.db'))
})
after(async () => {
  await server?.stop()
  dir.remove()
})

/** The cells of a CSV text (RFC 4180), by the names of their columns. */
function parsed(text: string): Record<string, string>[] {
  const cells = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)]
  const lines: string[][] = [[]]
  for (const [, quoted, plain, end] of cells) {
    lines.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') lines.push([])
  }
  const [names = [], ...rest] = lines.slice(0, -1)
  return rest.map((line) => Object.fromEntries(names.map((name, i) => [name, line[i] ?? 'no cell'])))
}

const csv = async (path: string) => {
  const { status, headers, body } = await call<string>(server.url, 'GET', path, undefined, {
    accept: 'text/csv',
  })
  assert.equal(status, 200, body)
  assert.match(headers.get('content-type') ?? '', /^text\/csv; charset=utf-8/)
  return parsed(body)
}

const shown = (value: unknown) =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)

const LISTS = ENDPOINTS.filter(({ responses }) => responses[200]?.text === 'text/csv').map(
  ({ url, query }) => ({
    url,
    limited: query && 'limit' in (query['properties'] as object) ? `${url}?limit=100` : url,
  }),
)

test('the CSV of every list has the cells of its JSON', async () => {
  const charge = await api().charge({
    description: 'a "quoted", text',
    metadata: { order: '=1+1', 'ü,': 'x\ny' },
  })
  await api().refund(charge.id, { amount: 5 })
  await api().charge({ amount: 1, currency: 'kwd' })
  await api().charge({ amount: Number.MAX_SAFE_INTEGER, currency: 'jpy' })
  assert.ok(LISTS.length >= 11, LISTS.map(({ url }) => url).join())
  for (const { url, limited } of LISTS) {
    const { data } = (await api().get<Page<Record<string, unknown>>>(limited)).body
    const rows = await csv(url)
    assert.equal(rows.length, data.length, url)
    for (const [i, object] of data.entries())
      for (const [name, value] of Object.entries(object))
        assert.equal(rows[i]?.[name], shown(value), `${url} ${name}`)
  }
  const decimals = (await csv('/api/v1/charges')).map((row) => row['amount_decimal'])
  assert.deepEqual(decimals, ['9007199254740991', '0.001', '25.00'])
  const balance = (await csv('/api/v1/ledger/entries?currency=usd')).map((row) => row['amount_decimal'])
  assert.deepEqual(balance.toSorted(), ['-0.05', '-25.00', '0.05', '25.00'])
})

test('CSV has the filters of its list, and begins after a cursor', async () => {
  const customer = '=cmd|x'
  const made = [
    await api().charge({ customer }),
    await api().charge({ customer }),
    await api().charge({ customer }),
  ]
  const path = `/api/v1/charges?customer=${encodeURIComponent(customer)}`
  const rows = await csv(path)
  assert.deepEqual(
    rows.map(({ id }) => id),
    made.map(({ id }) => id).toReversed(),
  )
  assert.equal(rows[0]?.['customer'], `'${customer}`)
  assert.deepEqual(
    (await csv(`${path}&starting_after=${made[1]?.id}`)).map(({ id }) => id),
    [made[0]?.id],
  )
  const { status, body } = await call<{ code: string }>(server.url, 'GET', `${path}&format=xml`)
  assert.deepEqual([status, body.code], [400, 'parameter_invalid'])
})

test('an export with a wrong cursor is refused as its list is', async () => {
  const { status, body } = await call<{ code: string }>(
    server.url,
    'GET',
    '/api/v1/charges?format=csv&starting_after=txn_1',
  )
  assert.deepEqual([status, body.code], [400, 'cursor_invalid'])
})
