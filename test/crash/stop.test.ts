import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { describe, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import type { Charge, ErrorAnswer } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { type RunningServer, serve } from '../kit/server.ts'
import { bareConnection, refusesConnections } from '../kit/sockets.ts'
import { databaseFiles, holdWriteLock } from '../kit/sqlite-file.ts'
import { until } from '../kit/until.ts'

const newDatabase = (t: TestContext) => join(folderOf(t), 'stop.db')

/** The request of a charge as it goes over the wire. */
function chargeRequest(key: string): string {
  const body = JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1' })
  return (
    'POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
    `Idempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** Resolves when MiniPay is working on a charge with this key, as the response to a second request with it shows. */
function running(server: RunningServer, key: string): Promise<void> {
  return until(`the charge ${key} runs`, async () => {
    const twin = await charge<ErrorAnswer>(server.url, key)
    return twin.body.code === 'idempotency_key_in_progress'
  })
}

describe('SIGTERM', { concurrency: true }, () => {
  test('requests in flight are answered, later ones refused, and the process ends with 0', async (t) => {
    const server = await serve(t, newDatabase(t), { MINIPAY_IDEMPOTENCY_WAIT_MS: '0' })
    const lock = holdWriteLock(server.database)
    const inFlight = charge(server.url, 'in-flight')
    const kept = await bareConnection(server.url)
    kept.socket.write(chargeRequest('kept'))
    await running(server, 'in-flight')
    await running(server, 'kept')

    const stopped = server.stop()
    await until('it listens no more', () => refusesConnections(server.url))
    kept.socket.write(chargeRequest('late'))
    // The late request is read before the lock is freed, or not at all: both are allowed.
    await new Promise((resolve) => setImmediate(resolve))
    lock.free()
    assert.equal((await inFlight).status, 201)
    await kept.closed
    assert.match(kept.text(), /^HTTP\/1\.1 201 /)
    const late = kept.text().slice(1).split('HTTP/1.1 ')[2]
    if (late !== undefined) {
      assert.match(late, /^503 /)
      assert.match(late, /retry-after: \d+\r\n/)
      assert.match(late, /"code":"shutting_down"/)
    }
    assert.equal(await stopped, 0)

    const next = await serve(t, server.database)
    const replayed = await charge(next.url, 'in-flight')
    assert.deepEqual([replayed.status, replayed.body.id], [200, (await inFlight).body.id])
    assert.equal((await charge(next.url, 'kept')).status, 200)
    assert.equal((await charge(next.url, 'late')).status, 201, 'what was refused was not done')
  })

  test('an idle connection and a half-sent request do not keep it from ending', async (t) => {
    const server = await serve(t, newDatabase(t), { MINIPAY_SHUTDOWN_TIMEOUT_MS: '1000' })
    const idle = await bareConnection(server.url)
    idle.socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until('the idle connection was answered', () => idle.text().includes('"ok"'))
    const headOnly = await bareConnection(server.url)
    headOnly.socket.write('POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Ty')
    const half = await bareConnection(server.url)
    half.socket.write(chargeRequest('half').slice(0, -10))
    const silent = await bareConnection(server.url)
    await charge(server.url, 'whole')

    assert.equal(await server.stop(), 0)
    await Promise.all([idle, headOnly, half, silent].map((connection) => connection.closed))
    const next = await serve(t, server.database)
    assert.equal((await charge(next.url, 'half')).status, 201)
  })

  test('a webhook that hangs is cut and released: due at once after a restart', async (t) => {
    const hanging = await startReceiver(() => {})
    const answering = await startReceiver()
    atEnd(t, () => Promise.all([hanging.close(), answering.close()]))
    const server = await serve(t, newDatabase(t), {
      WEBHOOK_TARGET: hanging.url,
      MINIPAY_SHUTDOWN_TIMEOUT_MS: '300',
    })
    await charge(server.url, 'one')
    await charge(server.url, 'two')
    await hanging.waitFor(2)
    assert.equal(await server.stop(), 0)

    const db = new Database(server.database, { readonly: true })
    const stored = db.prepare('SELECT count(*) FROM webhook_deliveries').pluck().get()
    const cursor = db.prepare('SELECT position, token FROM webhook_cursors').get()
    db.close()
    assert.equal(stored, 0, 'an attempt that was cut counts for nothing')
    assert.deepEqual(cursor, { position: 0, token: null })
    const next = await serve(t, server.database, { WEBHOOK_TARGET: answering.url })
    await answering.waitFor(2)
    assert.equal(await next.stop(), 0)
    assert.equal(answering.received.length, 2)
  })

  test('a webhook that is answered while it stops is settled, and not sent again', async (t) => {
    const answers: (() => void)[] = []
    const receiver = await startReceiver((_webhook, response) => answers.push(() => response.end('ok')))
    atEnd(t, receiver.close)
    const server = await serve(t, newDatabase(t), { WEBHOOK_TARGET: receiver.url })
    await charge(server.url, 'one')
    await receiver.waitFor(1)
    const stopped = server.stop()
    await until('it listens no more', () => refusesConnections(server.url))
    for (const answer of answers) answer()
    assert.equal(await stopped, 0)

    const next = await serve(t, server.database, { WEBHOOK_TARGET: receiver.url })
    type Totals = { pending_webhooks: number; delivered_webhooks: number }
    const { body } = await call<Totals>(next.url, 'GET', '/metrics')
    assert.deepEqual([body.pending_webhooks, body.delivered_webhooks], [0, 1])
    assert.equal(receiver.received.length, 1)
  })

  test('everything at once still ends with 0, the WAL folded into one file and the books right', async (t) => {
    const hanging = await startReceiver(() => {})
    atEnd(t, hanging.close)
    const server = await serve(t, newDatabase(t), {
      WEBHOOK_TARGET: hanging.url,
      MINIPAY_SHUTDOWN_TIMEOUT_MS: '500',
    })
    const half = await bareConnection(server.url)
    half.socket.write(chargeRequest('half').slice(0, -10))
    const answered: Charge[] = []
    const client = async (name: string) => {
      for (let i = 0; ; i++) {
        // Once the server is gone the connection is refused: that ends the client.
        const answer = await charge(server.url, `${name}-${i}`).catch(() => undefined)
        if (answer?.status !== 201) return
        answered.push(answer.body)
      }
    }
    const clients = Promise.all(['a', 'b', 'c', 'd'].map(client))
    await until('some charges were made', () => answered.length > 20)
    assert.ok(databaseFiles(server.database).includes('-wal'))
    assert.equal(await server.stop(), 0)
    await clients
    assert.deepEqual(databaseFiles(server.database), ['', '-key', '-lock', '-mark'])

    const db = new Database(server.database, { readonly: true })
    const stored = new Set(db.prepare('SELECT id FROM charges').pluck().all())
    db.close()
    for (const { id } of answered) assert.ok(stored.has(id), `${id} was acknowledged`)
    await assertSound(server.database)
  })

  test('SIGINT stops the server just as well', async (t) => {
    const server = await serve(t, newDatabase(t))
    await charge(server.url, 'one')
    const ended = new Promise((resolve) => server.process.once('exit', resolve))
    server.process.kill('SIGINT')
    assert.equal(await ended, 0)
    assert.deepEqual(databaseFiles(server.database), ['', '-key', '-lock', '-mark'])
  })
})
