import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { secretContext, VaultError } from '../ports/vault.ts'
import { createVault } from './vault.ts'

const [first, second] = [randomBytes(32), randomBytes(32)] as [Buffer, Buffer]
const vault = createVault([first])
const SCOPE = { accountId: 1, mode: 'live' } as const
const HERE = secretContext(SCOPE, 'we_1')
const SECRET = `whsec_${randomBytes(32).toString('base64')}`

test('a sealed secret opens, shows nothing of its text, and is another one each time', () => {
  const sealed = vault.seal(SECRET, HERE)
  assert.equal(vault.open(sealed, HERE), SECRET)
  assert.match(sealed, /^v1\.[\w-]{8}\.[\w-]{16}\.[\w-]+$/)
  assert.ok(!sealed.includes(SECRET.slice(6, 16)))
  assert.notEqual(vault.seal(SECRET, HERE), sealed)
  for (const text of ['', 'é€', 'x'.repeat(10_000)])
    assert.equal(vault.open(vault.seal(text, HERE), HERE), text)
})

test('a secret that was moved to another endpoint, mode or account does not open', () => {
  const sealed = vault.seal(SECRET, HERE)
  for (const there of [
    secretContext(SCOPE, 'we_2'),
    secretContext({ ...SCOPE, mode: 'test' }, 'we_1'),
    secretContext({ ...SCOPE, accountId: 2 }, 'we_1'),
  ])
    assert.throws(() => vault.open(sealed, there), VaultError)
})

test('a secret with any bit changed does not open, and no message repeats it', () => {
  const sealed = vault.seal(SECRET, HERE)
  const parts = sealed.split('.')
  for (const part of [2, 3]) {
    const bytes = Buffer.from(parts[part] as string, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const text = parts.with(part, changed.toString('base64url')).join('.')
      assert.throws(() => vault.open(text, HERE), VaultError)
    }
  }
  for (const text of ['', SECRET, `v2${sealed.slice(2)}`, sealed.slice(0, 40), `${sealed}.`, ` ${sealed}`])
    assert.throws(
      () => vault.open(text, HERE),
      (error) => error instanceof VaultError && (text === '' || !error.message.includes(text)),
    )
})

test('the first key seals, and every key opens', () => {
  const old = vault.seal(SECRET, HERE)
  const rotating = createVault([second, first])
  assert.equal(rotating.open(old, HERE), SECRET)
  assert.ok(!rotating.isCurrent(old))
  const renewed = rotating.seal(SECRET, HERE)
  assert.ok(rotating.isCurrent(renewed))
  assert.equal(createVault([second]).open(renewed, HERE), SECRET)
})

test('a secret whose key is missing gives a sentence that names the key and says what to do', () => {
  const sealed = vault.seal(SECRET, HERE)
  const [, id] = sealed.split('.')
  assert.throws(() => createVault([second]).open(sealed, HERE), {
    name: 'VaultError',
    message: `MiniPay lacks the key ${id}, under which a secret is encrypted. Add it to MINIPAY_SECRETS_KEY, after a comma; or, if it is lost, give the endpoint a new secret with rotate_secret, and set its headers again.`,
  })
})

test('without a key nothing is sealed or opened, and the reason says what to do', () => {
  const none = createVault([])
  assert.match(none.unusable ?? '', /minipay secrets new-key.*MINIPAY_SECRETS_KEY/)
  assert.throws(() => none.seal(SECRET, HERE), { name: 'VaultError', message: none.unusable as string })
  assert.throws(() => none.open(vault.seal(SECRET, HERE), HERE), VaultError)
  assert.equal(vault.unusable, null)
  assert.equal(createVault([], 'The file is missing.').unusable, 'The file is missing.')
})
