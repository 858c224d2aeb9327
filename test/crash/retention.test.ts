/** A server that dies while it deletes old events. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { engineOf } from '../../src/storage/engine.ts'
import { assertSound } from '../kit/audit.ts'
import { charged } from '../kit/commits.ts'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'

const EVENTS = 3_000
const DAY = 86_400_000
const SCOPE = { accountId: 1, mode: 'test' } as const
const SILENT = { info() {}, warn() {}, error() {} }

/** Old events in links of one event, and a new one, whose key is the only one that stays. */
async function fill(file: string): Promise<void> {
  const options = { onGroup() {}, onFatal: assert.fail, log: SILENT, withoutFsync: 'allow' } as const
  const store = await (await engineOf(file)).open(options)
  const at = Date.now() - 90 * DAY
  for (let i = 0; i < EVENTS; i++) await charged(store, { scope: SCOPE, at: at + i })
  await charged(store, { scope: SCOPE, at: Date.now() - DAY })
  while ((await store.purgeIdempotency(Number.MAX_SAFE_INTEGER, 1_000)) > 0);
  await store.close()
}

test('a retention that SIGKILL interrupts leaves sound books, and the next start continues it', async (t) => {
  const file = join(folderOf(t), 'retention.db')
  await fill(file)
  const db = new Database(file, { readonly: true })
  t.after(() => db.close())
  const purged = () => (db.prepare('SELECT max(events_to) FROM event_purges').pluck().get() ?? 0) as number
  const env = { MINIPAY_EVENT_RETENTION_DAYS: '30', WEBHOOK_TARGET: '' }
  let interrupted = 0
  for (let life = 0; life < 5 && purged() < EVENTS; life++) {
    const before = purged()
    const server = await serve(t, file, env)
    while (purged() <= before) await setImmediate()
    await server.kill()
    const reached = purged()
    t.diagnostic(`killed at event ${reached}`)
    if (reached < EVENTS) interrupted++
    assert.equal(db.prepare('SELECT min(seq) FROM events').pluck().get(), reached + 1)
    await assertSound(file)
  }
  assert.ok(interrupted > 0, 'every kill came after the end: the test shows nothing')
  const server = await serve(t, file, env)
  while (purged() < EVENTS) await setImmediate()
  assert.equal(await server.stop(), 0)
  await assertSound(file)
  const entries = db.prepare(`SELECT count(*) FROM audit_log WHERE action = 'events.purged'`).pluck().get()
  assert.equal(entries, 1)
})
