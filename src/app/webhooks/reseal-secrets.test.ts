import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { newId, tick } from '../../../test/kit/commits.ts'
import { atEnd, folderOf } from '../../../test/kit/folders.ts'
import { addedEndpoint } from '../../../test/kit/webhooks.ts'
import type { SealedSecret, WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { KEYLESS_SCOPE as TEST } from '../../ports/store.ts'
import { secretContext } from '../../ports/vault.ts'
import { openSqliteStore } from '../../storage/sqlite/store.ts'
import { createVault } from '../../vault/vault.ts'
import { type Resealing, resealSecrets } from './reseal-secrets.ts'

const LIVE = { ...TEST, mode: 'live' } as const
const [OLD, NEW, LOST] = [randomBytes(32), randomBytes(32), randomBytes(32)] as [Buffer, Buffer, Buffer]

async function started(t: TestContext) {
  const store = await openSqliteStore({ file: join(folderOf(t), 'a.db'), onFatal: assert.fail })
  atEnd(t, () => store.close())
  const texts = new Map<string, string>()
  /** An endpoint with a secret and a header under a key. */
  async function made(scope = TEST, key = OLD, former: readonly SealedSecret[] = []) {
    const id = newId('we')
    const context = secretContext(scope, id)
    const text = `whsec_${randomBytes(32).toString('base64')}`
    texts.set(id, text)
    const vault = createVault([key])
    const secrets = [{ sealed: vault.seal(text, context), until: null }, ...former]
    return addedEndpoint(store, scope, {
      id,
      secrets,
      headers: { 'x-token': vault.seal(`of ${text}`, context) },
    })
  }
  const work = (part: Partial<Resealing> = {}): Resealing => ({
    store,
    vault: createVault([NEW, OLD]),
    now: tick,
    audit: ({ scope }, done) => ({
      ...{ object: null, before: null, after: null, address: null, requestId: null },
      ...{ ...done, id: newId('aud'), scope, at: tick(), actor: 'cli' },
    }),
    ...part,
  })
  /** Fails unless the new key alone opens everything of the endpoint. */
  async function assertRenewed({ scope, id }: WebhookEndpoint): Promise<void> {
    const now = (await store.webhookEndpoint(scope, id)) ?? assert.fail(id)
    const context = secretContext(scope, id)
    const [current] = now.secrets
    assert.equal(createVault([NEW]).open(current?.sealed ?? '', context), texts.get(id))
    assert.equal(createVault([NEW]).open(now.headers['x-token'] ?? '', context), `of ${texts.get(id)}`)
    assert.throws(() => createVault([OLD]).open(current?.sealed ?? '', context), { name: 'VaultError' })
  }
  return { store, made, work, assertRenewed }
}

test('every secret and header of every scope is sealed under the first key, with an entry in its audit log', async (t) => {
  const { store, made, work, assertRenewed } = await started(t)
  const endpoints = await Promise.all(Array.from({ length: 130 }, (_, i) => made(i % 2 === 0 ? TEST : LIVE)))
  const done = await resealSecrets(work())
  assert.deepEqual([done.resealed, done.endpoints, done.closed.size, done.missed], [130, 130, 0, []])
  for (const endpoint of endpoints) await assertRenewed(endpoint)
  for (const scope of [TEST, LIVE]) {
    const query = { limit: 100, action: 'webhook_endpoint.secret_rekeyed' } as const
    const { data } = await store.auditEntries(scope, query)
    assert.equal(data.length, 65)
    assert.ok(data.every(({ actor, object }) => actor === 'cli' && object !== null))
  }
})

test('a second run changes nothing, and a run after an interruption seals the rest', async (t) => {
  const { store, made, work, assertRenewed } = await started(t)
  const endpoints = await Promise.all(Array.from({ length: 10 }, () => made()))
  let left = 4
  const broken: Resealing['store'] = {
    ...store,
    async changeWebhookEndpoint(...change) {
      if (left-- === 0) throw new Error('the power went out')
      return store.changeWebhookEndpoint(...change)
    },
  }
  await assert.rejects(resealSecrets(work({ store: broken })), /power/)
  const rest = await resealSecrets(work())
  assert.equal(rest.resealed, 6)
  for (const endpoint of endpoints) await assertRenewed(endpoint)
  assert.equal((await resealSecrets(work())).resealed, 0)
})

test('an endpoint that is changed at the same time keeps that change, and is sealed by the next pass', async (t) => {
  const { store, made, work, assertRenewed } = await started(t)
  const endpoint = await made()
  let first = true
  const raced: Resealing['store'] = {
    ...store,
    async changeWebhookEndpoint(before, after, audit) {
      if (first) {
        first = false
        const other = { ...before, description: 'Changed meanwhile', version: before.version + 1 }
        assert.ok(await store.changeWebhookEndpoint(before, other, null))
      }
      return store.changeWebhookEndpoint(before, after, audit)
    },
  }
  const done = await resealSecrets(work({ store: raced }))
  assert.deepEqual([done.resealed, done.missed], [1, []])
  await assertRenewed(endpoint)
  assert.equal((await store.webhookEndpoint(TEST, endpoint.id))?.description, 'Changed meanwhile')
})

test('an endpoint that others change every time is reported, and the rest is sealed', async (t) => {
  const { store, made, work, assertRenewed } = await started(t)
  const [busy, other] = [await made(), await made()]
  const raced: Resealing['store'] = {
    ...store,
    changeWebhookEndpoint: async (before, after, audit) =>
      before.id === busy.id ? false : store.changeWebhookEndpoint(before, after, audit),
  }
  const done = await resealSecrets(work({ store: raced }))
  assert.deepEqual([done.resealed, done.missed], [1, [busy.id]])
  await assertRenewed(other)
})

test('an endpoint whose key is missing is reported with the reason, and nothing of it changes', async (t) => {
  const { store, made, work, assertRenewed } = await started(t)
  const [lost, other] = [await made(TEST, LOST), await made()]
  const done = await resealSecrets(work())
  assert.deepEqual([done.resealed, done.endpoints, [...done.closed.keys()]], [1, 2, [lost.id]])
  assert.match(done.closed.get(lost.id) ?? '', /lacks the key/)
  assert.deepEqual(await store.webhookEndpoint(TEST, lost.id), lost)
  await assertRenewed(other)
})

test('a former secret keeps its end, and one that ended is dropped', async (t) => {
  const { store, made, work } = await started(t)
  const until = tick() + 1_000_000
  const scope = TEST
  const ended = { sealed: 'v1.gone', until: 1 }
  const { id } = await made(scope, OLD, [ended])
  const before = (await store.webhookEndpoint(scope, id)) ?? assert.fail(id)
  const former = { sealed: createVault([OLD]).seal('former', secretContext(scope, id)), until }
  const [current] = before.secrets
  const both = { ...before, secrets: [current as SealedSecret, former, ended], version: 2 }
  assert.ok(await store.changeWebhookEndpoint(before, both, null))
  await resealSecrets(work())
  const after = (await store.webhookEndpoint(scope, id))?.secrets ?? []
  assert.deepEqual(
    after.map((secret) => secret.until),
    [null, until],
  )
  assert.equal(createVault([NEW]).open(after[1]?.sealed ?? '', secretContext(scope, id)), 'former')
})
