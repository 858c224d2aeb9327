/** The key of stored secrets: its file, a server without it, and the command that replaces it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { WebhookEndpoint } from '../../src/domain/webhooks/endpoint.ts'
import { KEYLESS_SCOPE as SCOPE, type Store } from '../../src/ports/store.ts'
import { secretContext } from '../../src/ports/vault.ts'
import { keysOf } from '../../src/vault/key-text.ts'
import { createVault } from '../../src/vault/vault.ts'
import { client, type ErrorAnswer } from '../kit/client.ts'
import { newId } from '../kit/commits.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { inDatabase } from '../kit/keys.ts'
import { startPostgres } from '../kit/postgres.ts'
import { startReceiver } from '../kit/receiver.ts'
import { type RunningServer, runCli, serve } from '../kit/server.ts'
import { databaseFiles } from '../kit/sqlite-file.ts'
import { until } from '../kit/until.ts'
import { ENDPOINTS_PATH } from '../kit/webhook-endpoints.ts'
import { addedEndpoint } from '../kit/webhooks.ts'

const newKey = () => randomBytes(32).toString('base64')
const vaultOf = (text: string) => createVault(keysOf(text) ?? [])

/** Adds an endpoint with a secret under the first key of the text; returns both. */
async function madeEndpoint(store: Store, keys: string, url = 'https://shop.example/webhooks') {
  const id = newId('we')
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const sealed = vaultOf(keys).seal(secret, secretContext(SCOPE, id))
  await addedEndpoint(store, SCOPE, { id, url, secrets: [{ sealed, until: null }] })
  return { id, secret }
}

function assertOpens(endpoint: WebhookEndpoint | undefined, keys: string, secret: string): void {
  const [current] = endpoint?.secrets ?? []
  assert.equal(vaultOf(keys).open(current?.sealed ?? '', secretContext(SCOPE, endpoint?.id ?? '')), secret)
}

/** A database that a server has used, with an endpoint under the key of its key file. */
async function lived(t: TestContext, url?: string) {
  const file = join(folderOf(t), 'a.db')
  const server = await serve(t, file)
  await server.stop()
  const keyFile = `${file}-key`
  const key = readFileSync(keyFile, 'latin1')
  const made = await inDatabase(file, ({ store }) => madeEndpoint(store, key, url))
  const stored = () => inDatabase(file, ({ store }) => store.webhookEndpoint(SCOPE, made.id))
  return { file, keyFile, key, ...made, stored }
}

const logged = ({ output }: RunningServer) => output()

test('the first start makes a private key file, and later starts keep it', async (t) => {
  const { file, keyFile, key } = await lived(t)
  assert.equal(statSync(keyFile).mode & 0o777, 0o600)
  await (await serve(t, file)).stop()
  assert.equal(readFileSync(keyFile, 'latin1'), key)
})

test('no file of the database and no backup contains a secret or its key', async (t) => {
  const { file, key, secret } = await lived(t)
  const server = await serve(t, file)
  await charge(server.url, 'first')
  assert.equal((await runCli(['backup', `${file}.backup`, '--database', file])).code, 0)
  const files = databaseFiles(file).filter((end) => end !== '-key')
  assert.ok(files.includes('') && files.includes('-wal') && files.includes('.backup'), files.join())
  for (const end of files) {
    assertLacks(readFileSync(file + end), [secret, key.trim()], end)
  }
})

/** Fails if the bytes contain one of the secrets, in base64 as it is, in hex, or as its own bytes. */
function assertLacks(bytes: Buffer, secrets: readonly string[], where: string): void {
  for (const text of secrets) {
    const base64 = text.replace('whsec_', '')
    for (const form of [base64, Buffer.from(text).toString('hex'), Buffer.from(base64, 'base64')])
      assert.ok(!bytes.includes(form), where)
  }
}

test('a server without its key file serves charges, keeps the webhooks, and sends them once the file is back', async (t) => {
  const receiver = await startReceiver()
  atEnd(t, receiver.close)
  const { file, keyFile, id, secret, key, stored } = await lived(t, receiver.url)
  renameSync(keyFile, `${file}.kept`)
  const server = await serve(t, file)
  assert.equal((await charge(server.url, 'first')).status, 201)
  await until('the endpoint waits', () => logged(server).includes('does not open here'))
  assert.match(logged(server), /Secrets or headers of webhook endpoints do not open/)
  assert.match(logged(server), new RegExp(`${id}.*a\\.db-key is missing.*Put it back`))
  await server.stop()
  assert.ok(!existsSync(keyFile), 'and it makes no other key')
  assert.equal(receiver.received.length, 0)
  renameSync(`${file}.kept`, keyFile)
  const again = await serve(t, file)
  await receiver.waitFor(1)
  assert.doesNotMatch(logged(again), /do not open/)
  await again.stop()
  const [{ body, headers } = assert.fail()] = receiver.received
  assert.match(body, /payment\.succeeded/)
  new Webhook(secret).verify(body, headers as Record<string, string>)
  assertOpens(await stored(), key, secret)
})

test('without its key file, a server tells callers to see the operator, and only its log names the file', async (t) => {
  const { file, keyFile, id } = await lived(t)
  renameSync(keyFile, `${file}.kept`)
  const server = await serve(t, file)
  const api = client(server.url)
  const url = 'https://shop.example/webhooks'
  const path = `${ENDPOINTS_PATH}/${id}`
  const refused = [
    await api.post<ErrorAnswer>(ENDPOINTS_PATH, { url }),
    await api.post<ErrorAnswer>(`${path}/rotate_secret`, {}),
    await api.request<ErrorAnswer>('PATCH', path, { headers: { 'x-shop': 'lisbon' } }),
  ]
  for (const { status, body } of refused)
    assert.deepEqual(
      [status, body.code, body.error],
      [
        ...[409, 'secrets_key_missing'],
        'The server has no key for stored secrets; its operator finds the reason in the log.',
      ],
    )
  const { body: tested } = await api.post<{ error: string }>(`${path}/test`, {})
  assert.equal(
    tested.error,
    'The server cannot open the secret of this endpoint; its operator finds the reason in the log.',
  )
  for (const message of ['cannot be encrypted', 'cannot be tested'])
    await until(message, () => new RegExp(`a\\.db-key is missing.*${message}`).test(logged(server)))
  await server.stop()
})

test('a key file that others can read ends the start, with the command that mends it', async (t) => {
  const { file, keyFile } = await lived(t)
  chmodSync(keyFile, 0o644)
  const { code, stderr } = await runCli(['serve', '--database', file, '--port', '0'])
  assert.equal(code, 1)
  assert.match(stderr, /^minipay: Other users .*chmod 600 .*a\.db-key$/m)
})

test('the command rotates the key of the key file, and the former key opens nothing any more', async (t) => {
  const { file, keyFile, key, secret, stored } = await lived(t)
  const { code, stdout, stderr } = await runCli(['secrets', 'rotate', '--database', file])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Encrypted the secrets of 1 of 1 webhook endpoints under the key [\w-]{8}\.$/m)
  const rotated = readFileSync(keyFile, 'latin1')
  assert.notEqual(rotated, key)
  assert.equal(keysOf(rotated)?.length, 1)
  assert.equal(statSync(keyFile).mode & 0o777, 0o600)
  const endpoint = await stored()
  assertOpens(endpoint, rotated, secret)
  assert.throws(() => assertOpens(endpoint, key, secret), { name: 'VaultError' })
})

test('a rotation that was interrupted continues with the key that it had made', async (t) => {
  const { file, keyFile, key, secret, stored } = await lived(t)
  const next = newKey()
  // The crash came after the file was written, and before the secrets were.
  const { writeKeyFile } = await import('../../src/vault/key-file.ts')
  writeKeyFile(keyFile, keysOf(`${next},${key}`) ?? [])
  assert.equal((await runCli(['secrets', 'rotate', '--database', file])).code, 0)
  assert.equal(readFileSync(keyFile, 'latin1'), `${next}\n`)
  assertOpens(await stored(), next, secret)
})

test('a configured key takes over from the key file, which can then be removed', async (t) => {
  const { file, keyFile, secret, stored } = await lived(t)
  const { stdout } = await runCli(['secrets', 'new-key'])
  const next = stdout.trim()
  const env = { MINIPAY_SECRETS_KEY: next }
  assert.equal((await runCli(['secrets', 'rotate', '--database', file], env)).code, 0)
  rmSync(keyFile)
  const server = await serve(t, file, env)
  assert.doesNotMatch(logged(server), /do not open/)
  await server.stop()
  assert.ok(!existsSync(keyFile))
  assertOpens(await stored(), next, secret)
})

test('a secret whose key is missing stays as it is, and the command keeps the former keys', async (t) => {
  const { file, keyFile, key, secret, stored } = await lived(t)
  const lost = await inDatabase(file, ({ store }) => madeEndpoint(store, newKey()))
  const { code, stderr } = await runCli(['secrets', 'rotate', '--database', file])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`^minipay: ${lost.id}: MiniPay lacks the key`, 'm'))
  const [, former] = readFileSync(keyFile, 'latin1').trim().split('\n')
  assert.equal(`${former}\n`, key)
  assertOpens(await stored(), readFileSync(keyFile, 'latin1'), secret)
})

test('while a server has the file, the key cannot be rotated', async (t) => {
  const { file, keyFile, key } = await lived(t)
  await serve(t, file)
  const { code, stderr } = await runCli(['secrets', 'rotate', '--database', file])
  assert.equal(code, 1)
  assert.match(stderr, /Another MiniPay process is using/)
  assert.equal(readFileSync(keyFile, 'latin1'), key)
})

test('a wrong key is refused without a word of it, and so is a wrong command', async () => {
  const wrong = newKey().slice(4)
  const { code, stderr } = await runCli(['secrets', 'rotate'], { MINIPAY_SECRETS_KEY: wrong })
  assert.equal(code, 2)
  assert.match(stderr, /^minipay: MINIPAY_SECRETS_KEY must be 32 bytes in base64/)
  assert.ok(!stderr.includes(wrong))
  for (const words of [[], ['new'], ['rotate', 'more']])
    assert.match((await runCli(['secrets', ...words])).stderr, /Usage: minipay secrets/)
})

test('on PostgreSQL the key is rotated while nodes serve, and no file of the server has a secret', async (t) => {
  const postgres = await startPostgres()
  atEnd(t, postgres.remove)
  const database = await postgres.createDatabase()
  const [old, next] = [newKey(), newKey()]
  const { id, secret } = await inDatabase(database, ({ store }) => madeEndpoint(store, old))
  const env = { MINIPAY_SECRETS_KEY: `${next},${old}` }
  const nodes = [await serve(t, database, env), await serve(t, database, env)]
  const { code, stdout, stderr } = await runCli(['secrets', 'rotate', '--database', database], env)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /1 of 1 webhook endpoints/)
  for (const [i, node] of nodes.entries()) {
    assert.equal((await charge(node.url, `order-${i}`)).status, 201)
    assert.doesNotMatch(logged(node), /do not open/)
    await node.stop()
  }
  const stored = await inDatabase(database, ({ store }) => store.webhookEndpoint(SCOPE, id))
  assertOpens(stored, next, secret)
  const keyless = await serve(t, database)
  assert.match(logged(keyless), /do not open.*|MiniPay has no key that encrypts secrets/)
  await keyless.stop()

  await postgres.stop('fast')
  const data = join(postgres.folder, 'data')
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const file = join(data, name)
    if (statSync(file).isFile()) assertLacks(readFileSync(file), [secret, old, next], name)
  }
})

test('a database that was copied to PostgreSQL has its secrets under the same key', async (t) => {
  const { file, key, id, secret } = await lived(t)
  const postgres = await startPostgres()
  atEnd(t, postgres.remove)
  const database = await postgres.createDatabase()
  const { code, stderr } = await runCli(['copy', '--from', file, '--to', database])
  assert.equal(code, 0, stderr)
  const stored = await inDatabase(database, ({ store }) => store.webhookEndpoint(SCOPE, id))
  assertOpens(stored, key, secret)
})
