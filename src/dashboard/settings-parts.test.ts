/** Pure parts of the screens of keys, the audit log and the system. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SANDBOX_TOKENS } from '../domain/sandbox-tokens.ts'
import { changesOf } from './audit-change.ts'
import { size } from './system-parts.ts'
import { BAD_CARD, cardChoices, GOOD_CARD } from './test-cards.ts'
import { curl } from './ui/command.ts'

test('an audit entry shows the fields that differ, as text, and all of a new object', () => {
  const before = { name: '<b>a</b>', networks: ['::1'], role: null }
  const after = { name: '<b>a</b>', networks: ['::1', '10.0.0.0/8'], role: 'support' }
  assert.deepEqual(changesOf(before, after), [
    { field: 'networks', before: '["::1"]', after: '["::1","10.0.0.0/8"]' },
    { field: 'role', before: 'null', after: 'support' },
  ])
  assert.deepEqual(
    changesOf(null, after).map(({ field }) => field),
    ['name', 'networks', 'role'],
  )
  assert.deepEqual(changesOf(before, before), [])
})

test('a size has the unit that fits it', () => {
  assert.deepEqual([0, 999, 1_000, 9_940, 12_345, 2_000_000, 4_100_000_000, 7e15].map(size), [
    ...['0 bytes', '999 bytes', '1.0 KB', '9.9 KB', '12 KB', '2.0 MB', '4.1 GB', '7000 TB'],
  ])
})

test('every test card is a token that the sandbox knows, and does what its name says', () => {
  for (const [token, words] of cardChoices(false))
    assert.equal(SANDBOX_TOKENS.get(token) === null, words.endsWith('succeeds'), token)
  assert.deepEqual(
    [SANDBOX_TOKENS.get(GOOD_CARD), SANDBOX_TOKENS.get(BAD_CARD)?.declineCode],
    [null, 'insufficient_funds'],
  )
  assert.equal(cardChoices(true).length, cardChoices(false).length + 1)
})

test('the command of the first payment has a key where the server needs one', () => {
  assert.ok(!curl(undefined).includes('Authorization'))
  const key = { id: 'key_1', name: 'shop', role: null, expires_at: null }
  assert.match(curl({ key }), / -H "Authorization: Bearer \$MINIPAY_KEY" /)
})
