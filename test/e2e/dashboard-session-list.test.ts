/** The list of sessions of the dashboard at a started server: who sees them, and who ends them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DashboardSessionView } from '../../src/api/minipay/session-schemas.ts'
import { client, type Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { runCli, serve } from '../kit/server.ts'
import { PAGE, pageOf, signIn } from '../kit/sessions.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'

/** Signs in; returns the headers of the page. */
const signedIn = async (url: string, key: string, agent = FIREFOX) =>
  pageOf(await signIn(url, key, { ...PAGE, 'user-agent': agent }))

const list = async (url: string, headers: Record<string, string>, query = '') =>
  (await client(url, headers).get<Page<DashboardSessionView>>(`/api/v1/sessions${query}`)).body.data

const refusal = async (
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
) => {
  const refused = await call<{ code: string }>(url, method, path, body, headers)
  return [refused.status, refused.body.code]
}

test('a person sees the sessions of the own key, and ends one, or all but this one', async (t) => {
  const database = join(folderOf(t), 'own.db')
  const [desk, other] = await inDatabase(database, async ({ key }) => [
    await key({ name: 'desk', role: 'support' }),
    await key({ name: 'other', role: 'support' }),
  ])
  const { url } = await serve(t, database)
  const before = Date.now() - 1
  const [first, second, third] = [
    await signedIn(url, desk.secret, 'curl/8'),
    await signedIn(url, desk.secret),
    await signedIn(url, desk.secret, `<script>alert(1)</script>${FIREFOX}`),
  ] as const
  await signedIn(url, other.secret)
  const mine = await list(url, third)
  assert.deepEqual(
    mine.map(({ key, address, browser, current }) => [key, address, browser, current]),
    [
      [desk.key.id, '127.0.0.1', 'Firefox on Linux', true],
      [desk.key.id, '127.0.0.1', 'Firefox on Linux', false],
      [desk.key.id, '127.0.0.1', null, false],
    ],
  )
  for (const { id, created_at: at, last_used_at: used } of mine) {
    assert.match(id, /^ses_[0-9a-z]{26}$/)
    assert.ok(Date.parse(at) > before && Date.parse(used) >= Date.parse(at))
  }
  // A program with the key sees the same, and none is its own.
  assert.deepEqual(
    await list(url, bearer(desk.secret)),
    mine.map((session) => ({ ...session, current: false })),
  )

  const middle = mine[1]?.id
  const ended = await call(url, 'DELETE', `/api/v1/sessions/${middle}`, undefined, third)
  assert.deepEqual([ended.status, ended.body], [200, { id: middle, deleted: true }])
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, second)).status, 401)
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, first)).status, 200)
  assert.deepEqual(await refusal(url, 'DELETE', `/api/v1/sessions/${middle}`, third), [
    404,
    'session_not_found',
  ])
  assert.deepEqual(await refusal(url, 'DELETE', '/api/v1/sessions/ses_1', third), [404, 'session_not_found'])
  const rest = await call(url, 'POST', '/api/v1/sessions/end_others', undefined, third)
  assert.deepEqual([rest.status, rest.body], [200, { ended: 1 }])
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, first)).status, 401)
  assert.deepEqual(
    (await list(url, third)).map(({ current }) => current),
    [true],
  )
  const again = await call(url, 'POST', '/api/v1/sessions/end_others', undefined, third)
  assert.deepEqual(again.body, { ended: 0 })
  // Without a session of its own, a program ends all.
  assert.deepEqual((await call(url, 'POST', '/api/v1/sessions/end_others', {}, bearer(desk.secret))).body, {
    ended: 1,
  })
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, third)).status, 401)
  assert.equal((await list(url, bearer(other.secret))).length, 1)
})

test('sessions of another key are for those who administer it, and every end is in the audit log', async (t) => {
  const database = join(folderOf(t), 'others.db')
  const keys = await inDatabase(database, async ({ key, account }) => {
    const shop = await account('second')
    return {
      admin: await key({ name: 'admin' }),
      support: await key({ name: 'support', role: 'support' }),
      /** It may administer keys, and do nothing else. */
      clerk: await key({ name: 'clerk', permissions: ['keys:write'] }),
      reader: await key({ name: 'reader', permissions: ['keys:read'] }),
      operator: await key({ name: 'operator', mode: 'live' }),
      shop: await key({ name: 'shop', account: shop.publicId }),
    }
  })
  const { url } = await serve(t, database)
  const { admin, support, clerk, reader, operator, shop } = keys
  await signedIn(url, admin.secret)
  const page = await signedIn(url, support.secret)
  const [session] = await list(url, page)
  const [adminsOwn] = await list(url, bearer(admin.secret))
  assert.ok(session && adminsOwn)

  const of = `?key=${support.key.id}`
  for (const { secret } of [admin, clerk, reader, operator])
    assert.deepEqual(
      (await list(url, bearer(secret), of)).map(({ id }) => id),
      [session.id],
    )
  const path = `/api/v1/sessions/${session.id}`
  // Neither its own nor one that it may see.
  assert.deepEqual(
    await refusal(url, 'GET', `/api/v1/sessions?key=${admin.key.id}`, bearer(support.secret)),
    [403, 'permission_denied'],
  )
  assert.deepEqual(await refusal(url, 'DELETE', `/api/v1/sessions/${adminsOwn.id}`, bearer(support.secret)), [
    404,
    'session_not_found',
  ])
  for (const id of [support.key.id, 'key_1'])
    assert.deepEqual(await refusal(url, 'GET', `/api/v1/sessions?key=${id}`, bearer(shop.secret)), [
      404,
      'api_key_not_found',
    ])
  assert.deepEqual(await refusal(url, 'DELETE', path, bearer(shop.secret)), [404, 'session_not_found'])
  assert.deepEqual(await refusal(url, 'DELETE', path, bearer(reader.secret)), [403, 'permission_denied'])
  // A key that only administers keys cannot sign out the administrators.
  const all = '/api/v1/sessions/end_others'
  assert.deepEqual(await refusal(url, 'DELETE', `/api/v1/sessions/${adminsOwn.id}`, bearer(clerk.secret)), [
    403,
    'permission_denied',
  ])
  assert.deepEqual(await refusal(url, 'POST', all, bearer(clerk.secret), { key: admin.key.id }), [
    403,
    'permission_denied',
  ])
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, page)).status, 200)

  assert.equal((await call(url, 'DELETE', path, undefined, bearer(admin.secret))).status, 200)
  assert.equal((await call(url, 'GET', '/api/v1/me', undefined, page)).status, 401)
  for (let i = 0; i < 3; i++) await signedIn(url, support.secret)
  const ended = await call(url, 'POST', all, { key: support.key.id }, bearer(operator.secret))
  assert.deepEqual(ended.body, { ended: 3 })
  assert.deepEqual(await list(url, bearer(admin.secret), of), [])
  // Those of a revoked key have ended with it.
  await signedIn(url, support.secret)
  await call(url, 'POST', `/api/v1/keys/${support.key.id}/revoke`, undefined, bearer(admin.secret))
  assert.deepEqual(await list(url, bearer(admin.secret), of), [])

  type Entry = { actor: string; object: string; before: { sessions: { id: string }[] } }
  const { body } = await client(url, bearer(admin.secret)).get<Page<Entry>>(
    '/api/v1/audit?action=dashboard.sessions_ended',
  )
  assert.deepEqual(
    body.data.map(({ actor, object, before }) => [actor, object, before.sessions.length]),
    [
      [operator.key.id, support.key.id, 3],
      [admin.key.id, support.key.id, 1],
    ],
  )
  assert.equal(body.data[1]?.before.sessions[0]?.id, session.id)
  const { code, stdout } = await runCli(['verify', '--database', database])
  assert.equal(code, 0, stdout)
})
