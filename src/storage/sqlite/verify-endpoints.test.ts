import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import Database from 'better-sqlite3'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import { endpointEvent } from '../../../test/kit/webhooks.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())

before(async () => {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  await endpointEvent(store, scope)
  await store.close()
})

function problemAfter(sql: string): string | undefined {
  const copy = join(folder.path, 'tampered.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('foreign_keys = OFF')
  writer.exec(sql)
  writer.close()
  const reader = openReader(copy)
  try {
    return verify(reader).problem
  } finally {
    reader.close()
  }
}

test('books with an event of a webhook endpoint pass', () => assert.equal(problemAfter(''), undefined))

for (const [what, sql] of [
  ['deleted', 'DELETE FROM webhook_cursors; DELETE FROM webhook_deliveries; DELETE FROM webhook_endpoints'],
  ['of the other mode', 'UPDATE webhook_endpoints SET live = 0; UPDATE webhook_cursors SET live = 0'],
] as const)
  test(`verify names an event whose webhook endpoint is ${what}`, () =>
    assert.match(
      problemAfter(sql) ?? 'nothing',
      /^The event \d+ is of the webhook endpoint we_\w{26}, which is not there\.$/,
    ))
