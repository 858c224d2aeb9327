/** Versions of the routing rules from before MiniPay stored their authors: the audit log has them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalJson } from '../../../src/domain/idempotency.ts'
import type { Store } from '../../../src/ports/store.ts'
import { migrations } from '../../../src/storage/postgres/migrate.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { tempDir } from '../../kit/folders.ts'
import { makeFormer } from '../../kit/former-rows.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { databases, openStores } from './postgres-support.ts'

const MIGRATION = 'rule_set_authors'
const postgres = databases()

/** Eleven versions: 1 and 11 end with the same digit. The second has no entry, as one from before the audit log. */
async function fill(store: Store): Promise<void> {
  for (let version = 1; version <= 11; version++) {
    const after = canonicalJson({ document: { default: { providers: ['bank'] } }, version })
    const entry = auditEntry(LIVE_SCOPE, { actor: `key_${version}`, after: version === 2 ? null : after })
    await store.replaceRuleSet(
      LIVE_SCOPE,
      version - 1,
      { document: '{}', note: null, createdAt: version },
      entry,
    )
  }
}

async function check(store: Store): Promise<void> {
  const { data } = await store.ruleSetVersions(LIVE_SCOPE, { limit: 20 })
  assert.deepEqual(
    data.map(({ version, author, note }) => [version, author, note]),
    Array.from({ length: 11 }, (_, i) => [11 - i, i === 9 ? null : `key_${11 - i}`, null]),
  )
}

test('an upgrade of SQLite finds the author of each version in the audit log', async () => {
  const dir = tempDir()
  const file = join(dir.path, 'minipay.db')
  const open = () => openSqliteStore({ file, onFatal: assert.fail })
  const former = await open()
  await fill(former)
  await former.close()
  makeFormer(file, MIGRATION)
  const store = await open()
  await check(store)
  await store.close()
  dir.remove()
})

test('an upgrade of PostgreSQL finds the author of each version in the audit log', async (t) => {
  const url = await postgres.database(t)
  const [store = assert.fail()] = await openStores(t, url, 1)
  await fill(store)
  const { sql } = migrations().find(({ name }) => name.includes(MIGRATION)) ?? assert.fail()
  await onDatabase(url, (client) =>
    client.query(`ALTER TABLE rule_sets DROP COLUMN author, DROP COLUMN note; ${sql}`),
  )
  await check(store)
})
