import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf } from '../../test/kit/folders.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import { secretContext } from '../ports/vault.ts'
import { openVault, warnOfClosedSecrets } from './open-vault.ts'
import { createVault } from './vault.ts'

const keyFileIn = (t: TestContext) => join(folderOf(t), 'a.db-key')
const scope = { accountId: 1, mode: 'live' } as const
const none = async () => false
const some = async () => true

test('the first start of an embedded database makes a key file, and later starts use it', async (t) => {
  const keyFile = keyFileIn(t)
  const first = await openVault({ keys: [], keyFile, hasSecrets: none })
  const sealed = first.seal('secret', 'here')
  const text = readFileSync(keyFile, 'latin1')
  const second = await openVault({ keys: [], keyFile, hasSecrets: some })
  assert.equal(second.open(sealed, 'here'), 'secret')
  assert.equal(readFileSync(keyFile, 'latin1'), text)
})

test('a database with secrets and without its key file gets no other key: the vault says what to do', async (t) => {
  const keyFile = keyFileIn(t)
  const vault = await openVault({ keys: [], keyFile, hasSecrets: some })
  assert.ok(!existsSync(keyFile))
  assert.match(vault.unusable ?? '', /a\.db-key is missing.*Put it back.*MINIPAY_SECRETS_KEY/)
  assert.throws(() => vault.seal('secret', 'here'), { name: 'VaultError' })
})

test('a configured key seals, and the key file still opens what it sealed', async (t) => {
  const keyFile = keyFileIn(t)
  const before = (await openVault({ keys: [], keyFile, hasSecrets: none })).seal('secret', 'here')
  const key = randomBytes(32)
  const vault = await openVault({ keys: [key], keyFile, hasSecrets: some })
  assert.equal(vault.open(before, 'here'), 'secret')
  assert.ok(!vault.isCurrent(before))
  assert.equal(createVault([key]).open(vault.seal('secret', 'here'), 'here'), 'secret')
})

test('with a configured key no key file is made', async (t) => {
  const keyFile = keyFileIn(t)
  await openVault({ keys: [randomBytes(32)], keyFile, hasSecrets: none })
  assert.ok(!existsSync(keyFile))
})

test('a database without a key file of its own needs a configured key', async () => {
  const vault = await openVault({ keys: [], keyFile: null, hasSecrets: none })
  assert.match(vault.unusable ?? '', /MINIPAY_SECRETS_KEY/)
})

test('a key file that other users can read ends the start', async (t) => {
  const keyFile = keyFileIn(t)
  await openVault({ keys: [], keyFile, hasSecrets: none })
  chmodSync(keyFile, 0o644)
  await assert.rejects(openVault({ keys: [], keyFile, hasSecrets: none }), { message: /chmod 600/ })
})

test('endpoints whose current secret does not open are named in one line; others are not', () => {
  const vault = createVault([randomBytes(32)])
  const endpoint = (id: string, by = vault) =>
    ({
      id,
      scope,
      headers: {},
      secrets: [{ sealed: by.seal('s', secretContext(scope, id)), until: null }],
    }) as unknown as WebhookEndpoint
  const lines: object[] = []
  const log = { info() {}, warn() {}, error: (fields: object) => void lines.push(fields) }
  warnOfClosedSecrets(vault, [endpoint('we_1')], log)
  assert.deepEqual(lines, [])
  const other = createVault([randomBytes(32)])
  const lost = Array.from({ length: 12 }, (_, i) => endpoint(`we_${i + 2}`, other))
  warnOfClosedSecrets(vault, [endpoint('we_1'), ...lost], log)
  const [line] = lines as { count: number; endpoints: string[]; reason: string }[]
  assert.deepEqual([line?.count, line?.endpoints.length, line?.endpoints[0]], [12, 10, 'we_2'])
  assert.match(line?.reason ?? '', /lacks the key/)
})

test('the start also warns of headers that do not open, and names them', () => {
  const vault = createVault([randomBytes(32)])
  const lost = createVault([randomBytes(32)])
  const context = secretContext(scope, 'we_1')
  const endpoint = {
    ...{ id: 'we_1', scope: scope, secrets: [{ sealed: vault.seal('secret', context), until: null }] },
    headers: { 'x-fine': vault.seal('a', context), 'x-shop': lost.seal('b', context), 'x-key': 'damaged' },
  } as unknown as WebhookEndpoint
  const lines: { reason?: string }[] = []
  const log = { info() {}, warn() {}, error: (fields: object) => void lines.push(fields) }
  warnOfClosedSecrets(vault, [endpoint], log)
  assert.match(lines[0]?.reason ?? '', /^Closed: the header x-shop, the header x-key\. /)
})
