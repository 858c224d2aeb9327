import assert from 'node:assert/strict'
import test from 'node:test'
import { fillBooks } from '../../../test/kit/history.ts'
import { tamperedBooks } from '../../../test/kit/tampered-postgres.ts'
import { TAMPERINGS, UNSEEN } from '../../../test/tamperings.ts'
import { verifyPostgres } from './verify.ts'

const { url, afterTampering } = tamperedBooks(fillBooks)

test('books with every kind of history pass on PostgreSQL', async () => {
  const { problem, charges } = await verifyPostgres(url())
  assert.deepEqual([problem, charges > 20], [undefined, true])
})

for (const { what, sql, says } of TAMPERINGS)
  test(`verify names ${what} on PostgreSQL`, async () => assert.match(await afterTampering(sql), says))

for (const { what, sql, why } of UNSEEN)
  test(`verify can't see ${what} on PostgreSQL: ${why}`, async () =>
    assert.equal(await afterTampering(sql), 'nothing'))
