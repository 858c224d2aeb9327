/** Upgrades of databases from versions before facts, which stored the API's view of events and records. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { endingView } from '../../../src/api/minipay/endings.ts'
import { originalBody } from '../../../src/api/webhooks/original.ts'
import { closeAlarm } from '../../../src/app/alarms/close-alarm.ts'
import { recordedEnding } from '../../../src/app/payments/endings.ts'
import { EVENT_TYPES } from '../../../src/domain/event.ts'
import { canonicalRequest, ENDINGS } from '../../../src/domain/idempotency.ts'
import type { Scope, Store } from '../../../src/ports/store.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { migrate } from '../../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { verify } from '../../../src/storage/sqlite/verify.ts'
import { auditIn } from '../../kit/audit-entries.ts'
import { tempDir } from '../../kit/folders.ts'
import { makeFormer, rendered, withFormerIds } from '../../kit/former-rows.ts'
import { fillBooks, LIVE, openBooks, TEST } from '../../kit/history.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { databases } from './postgres-support.ts'

const postgres = databases()

type Row = Record<string, unknown>
const KEYS = 'SELECT * FROM idempotency_keys ORDER BY seq'
const EVENTS = 'SELECT account_id, live, seq, id, type, data, created_at FROM events ORDER BY live, seq'
const CHARGES = `SELECT account_id, live, id, version, amount, amount_captured, amount_refunded,
  amount_refund_pending, amount_disputed, currency, customer, status, capture,
  provider, cancel_key, idempotency_key, created_at FROM charges ORDER BY id`

type Told = {
  readonly events: string[]
  readonly webhooks: string[]
  readonly responses: [string, string, string][]
}

/** Everything that receivers and readers get of the stored rows, and the response that each key replays. */
async function told(store: Store, keys: readonly Row[], scope: Scope): Promise<Told> {
  const { data } = await store.events(scope, { after: 0, limit: 1_000 })
  const responses: [string, string, string][] = []
  for (const { key, live } of keys) {
    if ((live === 1) !== (scope === LIVE)) continue
    const record = (await store.idempotencyRecord(scope, String(key))) ?? assert.fail(String(key))
    const ended = recordedEnding(record)
    const { kind, objectId } = record.ending
    responses.push([
      String(key),
      `${kind} ${objectId}`,
      ended ? JSON.stringify(endingView(ended)) : 'as it is now',
    ])
  }
  return {
    events: data.map((event) => rendered(event.data)),
    webhooks: data.map(originalBody),
    responses,
  }
}

async function closeOneAlarm(store: Store): Promise<void> {
  const [alarm] = (await store.alarms(LIVE, { limit: 1, state: 'open' })).data
  const reason = 'The provider was right.'
  const fingerprint = canonicalRequest(`POST /api/v1/alarms/${alarm?.id}/close`, { reason })
  const request = { scope: LIVE, key: 'closing', fingerprint, surface: 'minipay' } as const
  const { context } = openBooks(store)
  const closed = await closeAlarm(
    context,
    request,
    String(alarm?.id),
    { reason, amount: undefined },
    auditIn(LIVE),
  )
  assert.ok('kind' in closed && closed.kind === 'done', JSON.stringify(closed))
}

/** Rows of the version before, of every type of event and every kind of ending, and the expected result. */
let former: { readonly charges: Row[]; readonly events: Row[]; readonly keys: Row[] }
let upgraded: { readonly events: Row[]; readonly keys: Row[] }
let seen: Told[]
let seenAfter: Told[]
let sound: unknown

before(async () => {
  const folder = tempDir()
  const file = join(folder.path, 'books.db')
  const open = () => openSqliteStore({ file, onFatal: assert.fail })
  const read = (sql: string) => {
    const db = openWriter(file)
    const rows = db.prepare(sql).all() as Row[]
    db.close()
    return rows
  }
  const both = async (store: Store) => [await told(store, keys, LIVE), await told(store, keys, TEST)]
  let store = await open()
  await fillBooks(withFormerIds(store))
  await closeOneAlarm(store)
  const keys = read(KEYS)
  seen = await both(store)
  await store.close()
  makeFormer(file, 'facts')
  former = { charges: read(CHARGES), events: read(EVENTS), keys: read(KEYS) }
  const db = openWriter(file)
  migrate(db)
  sound = verify(db)
  db.close()
  upgraded = { events: read(EVENTS), keys: read(KEYS) }
  store = await open()
  seenAfter = await both(store)
  await store.close()
  folder.remove()
})

test('the rows of the version before have every type of event and every kind of ending', () => {
  const missing = Object.keys(EVENT_TYPES).filter(
    (type) => !former.events.some((event) => event['type'] === type),
  )
  // A failed cancel has the form of a failed capture; webhook endpoints came later.
  assert.deepEqual(missing, [
    'payment.cancel_failed',
    'webhook_endpoint.failing',
    'webhook_endpoint.disabled',
  ])
  const endings = ENDINGS.filter((kind) => !former.keys.some((key) => key['answer_kind'] === kind))
  // It has the form of a decline.
  assert.deepEqual(endings, ['unavailable'])
  assert.ok(former.events.every(({ data }) => String(data).startsWith('{"id":"txn_')))
})

test('an embedded database shows the same events, webhooks and replays after its upgrade', () => {
  assert.deepEqual(seenAfter, seen)
  assert.ok(!('problem' in (sound as object)), JSON.stringify(sound))
})

test('PostgreSQL makes the same facts of the same rows', async (t) => {
  const url = await postgres.server.createDatabase()
  t.after(() => postgres.server.dropDatabase(url))
  const index = migrations().findIndex(({ name }) => name.endsWith('_facts.sql'))
  await migratePostgres(url, migrations().slice(0, index))
  const insert = async (table: string, rows: readonly Row[], left: readonly string[]) => {
    const columns = Object.keys(rows[0] ?? {}).filter((name) => !left.includes(name))
    await onDatabase(url, (client) =>
      client.query(
        `INSERT INTO ${table} (${columns.join()})
         SELECT ${columns.join()} FROM json_populate_recordset(NULL::${table}, $1::json)`,
        [JSON.stringify(rows)],
      ),
    )
  }
  await insert('charges', former.charges, [])
  await insert('events', former.events, [])
  await insert('idempotency_keys', former.keys, ['details_id'])
  await migratePostgres(url)
  const rows = async (sql: string) =>
    (await onDatabase(url, (client) => client.query(sql))).rows.map((row) => ({ ...row }) as Row)
  const texts = (all: readonly Row[], ...names: string[]) => all.map((row) => names.map((name) => row[name]))
  assert.deepEqual(texts(await rows(EVENTS), 'id', 'data'), texts(upgraded.events, 'id', 'data'))
  const ofKeys = ['key', 'surface', 'ending', 'object_id', 'facts']
  assert.deepEqual(texts(await rows(KEYS), ...ofKeys), texts(upgraded.keys, ...ofKeys))
})
