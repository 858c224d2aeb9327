/** A long read keeps SQLite's write-ahead log growing; when it has ended, the log shrinks again. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'

const MIB = 1024 * 1024

test('the log shrinks after a long read, without another charge, and a metric has its size', async (t) => {
  const server = await serve(t, join(folderOf(t), 'shop.db'))
  await charge(server.url, 'first')
  const reader = new Database(server.database, { readonly: true })
  atEnd(t, () => reader.close())
  reader.exec('BEGIN')
  assert.equal(reader.prepare('SELECT count(*) FROM charges').pluck().get(), 1)

  const size = () => statSync(`${server.database}-wal`).size
  const metric = async () => {
    const { body } = await call<string>(server.url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
    return Number(/^minipay_wal_bytes (\d+)$/m.exec(body)?.[1])
  }
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`note_${i}`, 'x'.repeat(490)]))
  let made = 0
  await until('the log is large', async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => charge(server.url, `large-${made++}`, { metadata })),
    )
    assert.ok(answers.every(({ status }) => status === 201))
    return size() > 20 * MIB
  })
  assert.ok((await metric()) > 20 * MIB)
  reader.exec('COMMIT')
  await until('it is small again', () => size() < MIB)
  assert.ok((await metric()) < MIB)
  // The server made the cut itself, so it continues.
  assert.equal((await charge(server.url, 'last')).status, 201)
  assert.equal((await call(server.url, 'GET', '/ready')).status, 200)
  assert.equal(await server.stop(), 0)
})
