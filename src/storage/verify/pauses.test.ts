import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoggedPauses } from './pauses.ts'

const entry = (action: string) => ({ action, object: 'bank_a', actor: 'key_1' })
const FACTS = { all_accounts: true, reason: 'ill' }
const STORED = { provider: 'bank_a', all_accounts: 1, reason: 'ill', paused_by: 'key_1' }

test('a pause for all accounts that stayed in the former mode of its provider is as the log says', () => {
  const logged = new LoggedPauses()
  logged.note('1 0', entry('provider.paused'), FACTS)
  // The provider then served the other mode, and was paused and resumed there by a key of the same scope.
  logged.note('1 0', entry('provider.paused'), { ...FACTS, reason: 'ill again' })
  logged.note('1 0', entry('provider.resumed'), FACTS)
  assert.equal(logged.problem([{ ...STORED, scope: '1 0' }]), undefined)
  assert.match(
    logged.problem([{ ...STORED, reason: 'well', scope: '1 0' }]) ?? '',
    /The pause of the provider bank_a is not as the audit log says/,
  )
})

test('a pause of one account that ended, and is stored again, is not as the log says', () => {
  const logged = new LoggedPauses()
  const facts = { ...FACTS, all_accounts: false }
  logged.note('1 0', entry('provider.paused'), facts)
  logged.note('1 0', entry('provider.resumed'), facts)
  const stored = { ...STORED, all_accounts: 0, scope: '1 0' }
  assert.match(logged.problem([stored]) ?? '', /not as the audit log says/)
  logged.note('1 0', entry('provider.paused'), facts)
  assert.equal(logged.problem([stored]), undefined)
})
