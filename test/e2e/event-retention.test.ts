/** A server whose old events are deleted: what its readers see. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { engineOf } from '../../src/storage/engine.ts'
import { client, type ErrorAnswer, type Event, type Page, until } from '../kit/client.ts'
import { charged } from '../kit/commits.ts'
import { assertDocumented } from '../kit/documented.ts'
import { tempDir } from '../kit/folders.ts'
import { onEngine, serve } from '../kit/server.ts'

const DAY = 86_400_000
const SCOPE = { accountId: 1, mode: 'test' } as const
const SILENT = { info() {}, warn() {}, error() {} }

/** Charges of these ages in days, without the keys that would keep their events. */
async function fill(database: string, ...days: number[]): Promise<void> {
  const options = { onGroup() {}, onFatal: assert.fail, log: SILENT, withoutFsync: 'allow' } as const
  const store = await (await engineOf(database)).open(options)
  for (const age of days) await charged(store, { scope: SCOPE, at: Date.now() - age * DAY })
  while ((await store.purgeIdempotency(Number.MAX_SAFE_INTEGER, 100)) > 0);
  await store.close()
}

test('a reader whose next events were deleted gets 410 that names the last deleted one, and no silent gap', async (t) => {
  const dir = tempDir()
  t.after(dir.remove)
  const file = join(dir.path, 'a.db')
  await fill(await onEngine(file), 100, 90, 80, 5, 1)
  const server = await serve(t, file, { MINIPAY_EVENT_RETENTION_DAYS: '30' })
  const api = client(server.url)
  const list = async (query: string) => {
    const answer = await api.get<Page<Event>>(`/api/v1/events?${query}`)
    return answer.body.data.map(({ sequence }) => sequence)
  }
  assert.deepEqual(
    await until(
      () => list('after=0'),
      (found) => found.length === 2,
    ),
    [4, 5],
  )
  assert.deepEqual(await list(''), [4, 5])
  assert.deepEqual([await list('after=3'), await list('after=4'), await list('after=5')], [[4, 5], [5], []])
  for (const [path, headers] of [
    ['/api/v1/events?after=2', {}],
    ['/api/v1/events?after=1&type=payment.refunded', {}],
    ['/api/v1/events?after=1&type=payment.refunded&wait=1', {}],
    ['/api/v1/events/stream?after=2', {}],
    ['/api/v1/events/stream', { 'last-event-id': '1' }],
  ] as const) {
    const answer = await api.get<ErrorAnswer>(path, headers)
    assertDocumented('GET', path.split('?')[0] as string, answer)
    assert.deepEqual(
      [answer.status, answer.body.code, answer.body.param],
      [410, 'events_purged', 'after'],
      path,
    )
    assert.match(answer.body.error, /up to 3 were deleted .* send 3 as after\.$/)
  }
  await api.charge()
  assert.deepEqual(await list('after=5'), [6])
  const { body } = await api.get<Page<{ after: unknown }>>('/api/v1/audit?action=events.purged')
  assert.equal(body.data.length, 1)
})

test('without a retention, no event is deleted', async (t) => {
  const dir = tempDir()
  t.after(dir.remove)
  const file = join(dir.path, 'a.db')
  await fill(await onEngine(file), 4_000, 1)
  const api = client((await serve(t, file)).url)
  await api.charge()
  const { body } = await api.get<Page<Event>>('/api/v1/events?after=0')
  assert.equal(body.data.length, 3)
})
