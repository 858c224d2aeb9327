/** Long polls and event streams of a server: nothing is missed, nothing comes twice, and each wait has an end. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { client, type Event, eventsAfter, type Page, until } from '../kit/client.ts'
import { follow } from '../kit/event-stream.ts'
import { folderOf, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import { startStopwatch } from '../kit/stopwatch.ts'

const dir = tempDir()
let server: RunningServer
before(async () => {
  server = await startServer(join(dir.path, 'minipay.db'), { MINIPAY_MAX_EVENT_STREAMS: '20' })
})
after(async () => {
  await server?.stop()
  dir.remove()
})

const api = () => client(server.url)
const last = async () => (await eventsAfter(api())).at(-1)?.sequence ?? 0
const poll = (query: string) => api().get<Page<Event>>(`/api/v1/events?${query}`)
/** How many long polls and streams are open at a server. */
async function openAt(url: string): Promise<number> {
  const { body } = await call<string>(url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  return Number(/^minipay_event_streams (\d+)$/m.exec(body)?.[1])
}

describe('a long poll', () => {
  test('returns as soon as an event is stored', async () => {
    const after = await last()
    const watch = startStopwatch()
    const waiting = poll(`after=${after}&wait=30`)
    await delay(300)
    const { id } = await api().charge()
    const { body } = await waiting
    assert.deepEqual(
      body.data.map(({ data }) => data.id),
      [id],
    )
    assert.ok(watch.ms() < 5_000)
    watch.stop()
  })

  test('returns at once what there is, and an empty page when its time is over', async () => {
    await api().charge()
    const after = await last()
    assert.equal((await poll(`after=${after - 1}&wait=60`)).body.data.length, 1)
    const startedAt = performance.now()
    assert.deepEqual((await poll(`after=${after}&wait=1`)).body.data, [])
    assert.ok(performance.now() - startedAt >= 990)
  })

  test('waits for the types and the object that it names', async () => {
    const [one, other] = [await api().charge(), await api().charge()]
    const after = await last()
    const refunded = poll(`after=${after}&wait=30&type=payment.*,refund.failed&object=${one.id}`)
    await api().refund(other.id)
    const refund = await api().refund(one.id)
    const [event] = (await refunded).body.data
    assert.deepEqual([event?.type, event?.data.refund?.refund_id], ['payment.refunded', refund.refund_id])
    const about = await poll(`object=${refund.refund_id}`)
    assert.deepEqual(about.body.data, [event])
    assert.deepEqual((await api().get(`/api/v1/events/${event?.id}`)).body, event)
  })

  test('refuses a wait, a type or an object that cannot be, and names it', async () => {
    for (const [query, param] of [
      ['wait=61', 'wait'],
      ['wait=-1', 'wait'],
      ['type=payment.lost', 'type'],
      ['type=', 'type'],
      ['type=pay*', 'type'],
      ['object=order-1', 'object'],
      ['object=evt_01kasw5v8g001ne3r5yx2tb4qd', 'object'],
      ['created_gte=yesterday', 'created_gte'],
    ] as const) {
      const { status, body } = await api().get<{ code: string; param: string }>(`/api/v1/events?${query}`)
      assert.deepEqual([status, body.code, body.param], [400, 'parameter_invalid', param], query)
    }
    assert.deepEqual((await poll('wait=60&object=re_01kasw5v8g001ne3r5yx2tb4qd')).body.data, [])
    const { status, body } = await api().get<{ code: string }>(
      '/api/v1/events/evt_01kasw5v8g001ne3r5yx2tb4qd',
    )
    assert.deepEqual([status, body.code], [404, 'event_not_found'])
  })

  test('takes no place among the requests in flight, and its place of its own is free once its client is gone', async (t) => {
    const env = { MINIPAY_MAX_REQUESTS: '2', MINIPAY_MAX_EVENT_STREAMS: '3' }
    const { url } = await serve(t, join(folderOf(t), 'minipay.db'), env)
    const open = () => openAt(url)
    const gone = new AbortController()
    const waiting: Promise<unknown>[] = []
    for (const many of [1, 2, 3]) {
      waiting.push(fetch(`${url}/api/v1/events?wait=60`, { signal: gone.signal }))
      await until(open, (count) => count === many)
    }
    const full = await call<{ code: string }>(url, 'GET', '/api/v1/events?wait=60')
    assert.deepEqual([full.status, full.body.code], [503, 'overloaded'])
    assert.equal(full.headers.get('retry-after'), '1')
    assert.equal((await call(url, 'GET', '/api/v1/charges')).status, 200)
    const watch = startStopwatch()
    gone.abort()
    for (const one of waiting) await assert.rejects(one)
    await until(open, (count) => count === 0)
    assert.ok(watch.ms() < 30_000, 'not only once the wait is over')
    watch.stop()
    assert.equal((await call(url, 'GET', '/api/v1/events?wait=1')).status, 200)
  })
})

describe('a stream', () => {
  test('begins with the next event, and sends each as the list has it', async () => {
    await api().charge()
    const follower = await follow(server.url)
    const after = await last()
    assert.equal(follower.lastId(), String(after))
    const { id } = await api().charge()
    await api().refund(id, { amount: 1 })
    await until(
      async () => follower.seen.length,
      (count) => count === 2,
    )
    assert.deepEqual(follower.seen, await eventsAfter(api(), after))
    assert.equal(follower.lastId(), String(follower.seen.at(-1)?.sequence))
    await follower.cut()
  })

  test('sends what the filter wants, and resumes after the others', async () => {
    const after = await last()
    const { id } = await api().charge()
    const follower = await follow(server.url, { query: `?after=${after}&type=payment.refunded&object=${id}` })
    await api().charge()
    await api().refund(id)
    await until(
      async () => follower.seen.length,
      (count) => count === 1,
    )
    assert.deepEqual([follower.seen[0]?.type, follower.seen[0]?.data.id], ['payment.refunded', id])
    await follower.cut()
  })

  test('with a pace has each event while there are few, and the newest of many, and says which it skipped', async () => {
    const after = await last()
    const [slow, twin] = await Promise.all(
      [1, 2].map(() => follow(server.url, { query: `?after=${after}&pace=500&newest=5` })),
    )
    assert.ok(slow && twin)
    const reaches = (sequence: number) =>
      until(
        async () => slow.seen.at(-1)?.sequence,
        (seen) => seen === sequence,
      )
    await api().charge()
    await reaches(after + 1)
    for (let i = 0; i < 12; i++) await Promise.all(Array.from({ length: 10 }, () => api().charge()))
    await reaches(after + 121)
    // The messages have every sequence once, as an event or skipped; and those that were skipped can be read.
    const all = await eventsAfter(api(), after)
    assert.deepEqual(
      slow.seen,
      all.filter(({ sequence }) => slow.seen.some((event) => event.sequence === sequence)),
    )
    const left = slow.skipped.reduce((sum, { skipped }) => sum + skipped, 0)
    assert.ok(left > 0)
    assert.equal(left + slow.seen.length, all.length)
    for (const { skipped, ...between } of slow.skipped) {
      const query = new URLSearchParams({
        after: `${between.after}`,
        before: `${between.before}`,
        limit: '100',
      })
      const { data, has_more: hasMore } = (await poll(`${query}`)).body
      assert.equal(data.length, Math.min(100, skipped))
      assert.equal(hasMore, skipped > 100)
    }
    await until(
      async () => twin.lastId(),
      (id) => id === slow.lastId(),
    )
    await Promise.all([slow.cut(), twin.cut()])
    // A client that connects again after the last id gets what it lacks.
    const again = await follow(server.url, {
      query: '?pace=500&newest=5',
      headers: { 'last-event-id': String(after + 119) },
    })
    await until(
      async () => again.seen.map(({ sequence }) => sequence).join(),
      (seen) => seen === `${after + 120},${after + 121}`,
    )
    assert.deepEqual(again.skipped, [])
    await again.cut()
  })

  test('refuses a pace that is none, and the newest without a pace', async () => {
    for (const [query, param] of [
      ['pace=99', 'pace'],
      ['pace=60001', 'pace'],
      ['pace=fast', 'pace'],
      ['pace=500&newest=0', 'newest'],
      ['pace=500&newest=101', 'newest'],
      ['newest=5', 'newest'],
    ] as const) {
      const refused = await api().get<{ code: string; param: string }>(`/api/v1/events/stream?${query}`)
      assert.deepEqual(
        [refused.status, refused.body.code, refused.body.param],
        [400, 'parameter_invalid', param],
        query,
      )
    }
  })

  test('prefers Last-Event-ID to after, and refuses one that is no sequence', async () => {
    await api().charge()
    await api().charge()
    const after = await last()
    const headers = { 'last-event-id': String(after - 1) }
    const follower = await follow(server.url, { query: '?after=0', headers })
    await until(
      async () => follower.seen.length,
      (count) => count === 1,
    )
    assert.equal(follower.seen[0]?.sequence, after)
    await follower.cut()
    for (const wrong of ['evt_1', '-1', '1.5', '99999999999999999']) {
      const refused = await call<{ code: string }>(server.url, 'GET', '/api/v1/events/stream', undefined, {
        'last-event-id': wrong,
      })
      assert.deepEqual([refused.status, refused.body.code], [400, 'cursor_invalid'], wrong)
    }
    const head = await call(server.url, 'HEAD', '/api/v1/events/stream')
    assert.deepEqual(
      [head.status, head.headers.get('content-type')],
      [200, 'text/event-stream; charset=utf-8'],
    )
  })

  test('of a client that has left has no place any more, long before the next heartbeat', async (t) => {
    const { url } = await serve(t, join(folderOf(t), 'minipay.db'))
    const follower = await follow(url)
    assert.equal(await openAt(url), 1)
    const watch = startStopwatch()
    await follower.cut()
    await until(
      () => openAt(url),
      (count) => count === 0,
    )
    assert.ok(watch.ms() < 10_000)
    watch.stop()
  })

  test('has headers that keep proxies from holding it back, and a hint when to connect again', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write('GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    let text = ''
    for await (const chunk of socket) {
      text += chunk
      if (text.includes('retry:')) break
    }
    for (const line of [
      'HTTP/1.1 200 OK',
      'cache-control: no-store',
      'x-accel-buffering: no',
      'retry: 2000\nid: ',
    ])
      assert.ok(text.includes(line), text)
  })

  test('a reader that is cut again and again misses nothing and sees nothing twice', async () => {
    const after = await last()
    const total = 60
    const paying = (async () => {
      for (let i = 0; i < total / 10; i++) await Promise.all(Array.from({ length: 10 }, () => api().charge()))
    })()
    const followers = await Promise.all(
      Array.from({ length: 6 }, async (_, i) => {
        const seen: Event[] = []
        let lastId: string | null = String(after)
        while (seen.length < total) {
          const follower = await follow(server.url, { seen, headers: { 'last-event-id': lastId ?? '' } })
          await delay(20 + 15 * i)
          await follower.cut()
          lastId = follower.lastId() ?? lastId
        }
        return seen
      }),
    )
    await paying
    const all = await eventsAfter(api(), after)
    assert.equal(all.length, total)
    for (const seen of followers)
      assert.deepEqual(
        seen.map(({ sequence }) => sequence),
        all.map(({ sequence }) => sequence),
      )
  })

  test('ends within seconds after its key was revoked', async (t) => {
    const database = join(folderOf(t), 'minipay.db')
    const [admin, reader] = await inDatabase(database, async ({ key }) => [
      await key(),
      await key({ permissions: ['webhooks:read'] }),
    ])
    const { url } = await serve(t, database)
    const follower = await follow(url, { headers: bearer(reader.secret) })
    const other = await follow(url, { headers: bearer(admin.secret) })
    const revoked = await call(url, 'POST', `/api/v1/keys/${reader.key.id}/revoke`, {}, bearer(admin.secret))
    assert.equal(revoked.status, 200)
    const watch = startStopwatch()
    assert.equal(await follower.ended, true)
    assert.ok(watch.ms() < 6_000)
    watch.stop()
    const again = await fetch(`${url}/api/v1/events/stream`, { headers: bearer(reader.secret) })
    assert.equal(again.status, 401)
    assert.equal(await Promise.race([other.ended, delay(100, 'open')]), 'open')
    await other.cut()
  })

  test('needs the permission to read webhooks', async (t) => {
    const database = join(folderOf(t), 'minipay.db')
    const { secret } = await inDatabase(database, ({ key }) => key({ permissions: ['charges:read'] }))
    const { url } = await serve(t, database)
    const refused = await fetch(`${url}/api/v1/events/stream`, { headers: bearer(secret) })
    assert.equal(refused.status, 403)
  })

  test('is refused beyond the most streams, and ends when the server stops, which waits for none', async (t) => {
    const env = { MINIPAY_MAX_EVENT_STREAMS: '3' }
    const running = await serve(t, join(folderOf(t), 'minipay.db'), env)
    const followers = await Promise.all([1, 2].map(() => follow(running.url)))
    const waiting = call<Page<Event>>(running.url, 'GET', '/api/v1/events?wait=60')
    const refused = await until(
      () => fetch(`${running.url}/api/v1/events/stream`, { method: 'HEAD' }),
      ({ status }) => status === 503,
    )
    assert.equal(refused.headers.get('retry-after'), '1')
    const watch = startStopwatch()
    assert.equal(await running.stop(), 0)
    assert.ok(watch.ms() < 5_000)
    watch.stop()
    assert.deepEqual(await Promise.all(followers.map(({ ended }) => ended)), [true, true])
    const { status, body } = await waiting
    assert.deepEqual([status, body.data], [200, []])
  })
})
