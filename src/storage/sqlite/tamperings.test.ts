import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import Database from 'better-sqlite3'
import { tempDir } from '../../../test/kit/folders.ts'
import { WITHOUT_LONG_TEXTS } from '../../../test/kit/former-rows.ts'
import { fillBooks } from '../../../test/kit/history.ts'
import { AMOUNT_REWRITTEN } from '../../../test/tamperings/chains.ts'
import { partOfAnId } from '../../../test/tamperings/sql.ts'
import { TEXTS } from '../../../test/tamperings/texts.ts'
import { TAMPERINGS, UNSEEN } from '../../../test/tamperings.ts'
import { digestOf } from './long-texts.ts'
import { openReader } from './open.ts'
import { defineUnpacked } from './packed-texts.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())

before(async () => {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  await fillBooks(store)
  await store.close()
})

/** What `verify` says of a copy of the sound books after `sql` was done to it. */
function afterTampering(sql: string, before = ''): string {
  const copy = join(folder.path, 'tampered.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('foreign_keys = OFF')
  writer.pragma('journal_mode = DELETE')
  writer.function('digest', (text) => digestOf(text as string))
  defineUnpacked(writer)
  writer.exec(before)
  const changes = () => writer.prepare('SELECT total_changes()').pluck().get()
  const earlier = changes()
  writer.exec(sql)
  assert.ok(sql === '' || changes() !== earlier, 'nothing was tampered with')
  writer.close()
  const reader = openReader(copy)
  try {
    return verify(reader).problem ?? 'nothing'
  } finally {
    reader.close()
  }
}

test('no tampering replaces a text that a random id may hold', () => {
  for (const { sql } of [...TAMPERINGS, ...TEXTS, ...UNSEEN, { sql: AMOUNT_REWRITTEN }])
    assert.equal(partOfAnId(sql), undefined, sql)
  for (const sql of ["replace(data, '1010', '1011')", "SET a = replace(fingerprint, '200', '201') WHERE"])
    assert.notEqual(partOfAnId(sql), undefined, sql)
})

test('books with every kind of history pass', () => {
  const reader = openReader(sound)
  const { problem, charges } = verify(reader)
  reader.close()
  assert.deepEqual([problem, charges > 20], [undefined, true])
})

test('books with long texts in their rows pass, as those of an earlier version are', () => {
  assert.equal(afterTampering('', WITHOUT_LONG_TEXTS), 'nothing')
})

for (const { what, sql, says } of TAMPERINGS)
  test(`verify names ${what}`, () => assert.match(afterTampering(sql, WITHOUT_LONG_TEXTS), says))

for (const { what, sql, says } of TEXTS)
  test(`verify names ${what}`, () => assert.match(afterTampering(sql), says))

for (const { what, sql, why } of UNSEEN)
  test(`verify can't see ${what}: ${why}`, () =>
    assert.equal(afterTampering(sql, WITHOUT_LONG_TEXTS), 'nothing'))
