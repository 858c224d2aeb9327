import assert from 'node:assert/strict'
import test from 'node:test'
import { tamperedBooks } from '../../../test/kit/tampered-postgres.ts'
import { fillPurgedBooks, PURGED } from '../../../test/tamperings/purged.ts'

const { afterTampering } = tamperedBooks(fillPurgedBooks)

test('books whose old events were deleted pass on PostgreSQL', async () => {
  assert.equal(await afterTampering(''), 'nothing')
})

for (const { what, sql, says } of PURGED)
  test(`after a purge, verify names ${what} on PostgreSQL`, async () =>
    assert.match(await afterTampering(sql), says))
