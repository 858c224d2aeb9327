/**
 * Nothing crosses an account or a mode: every route, with keys of other accounts and modes, against every kind of object.
 * And every permission against every route. A route without a row here fails the test.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { PERMISSIONS, type Permission } from '../../src/domain/access/permissions.ts'
import type { Scope } from '../../src/domain/scope.ts'
import type { Store } from '../../src/ports/store.ts'
import { alarmOf, alarmsCommit } from '../contract/store/alarms.ts'
import { disputed } from '../contract/store/disputes.ts'
import { auditEntry } from '../kit/audit-entries.ts'
import { type Client, client, type MetricsAnswer } from '../kit/client.ts'
import { chargeCommit, committed, refunded, taken } from '../kit/commits.ts'
import { follow } from '../kit/event-stream.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import { sessionOf } from '../kit/sessions.ts'
import { heldEndpoint, recorded, replayOf, resultOf } from '../kit/webhooks.ts'

/** The ids of one object of each kind. */
type Objects = Readonly<
  Record<
    'txn' | 're' | 'att' | 'dlv' | 'evt' | 'dp' | 'alm' | 'we' | 'rpl' | 'key' | 'ses' | 'aud' | 'acct',
    string
  >
>
type Kind = keyof Objects
type Body = object | undefined

/** What a route may show or change. */
type Row =
  /** One object, by its id in the path, or in a body. */
  | { readonly object: Kind; readonly body?: (id: string) => Body }
  /** Objects, narrowed by these filters, each with the kind of its id. */
  | { readonly list: Kind | 'none'; readonly filters?: Readonly<Record<string, Kind>> }
  /** Something that each scope has for itself; a test below compares it. */
  | 'own'
  /** The same for all scopes: what operators configured. */
  | 'shared'
  /** For keys of the operator's account alone. */
  | 'operator'
  | 'open'

const ROWS: Readonly<Record<string, Row>> = {
  'POST /api/v1/charges': 'own',
  'GET /api/v1/charges': { list: 'txn' },
  'GET /api/v1/charges/:id': { object: 'txn' },
  'POST /api/v1/charges/:id/capture': { object: 'txn' },
  'POST /api/v1/charges/:id/cancel': { object: 'txn' },
  'GET /api/v1/charges/:id/attempts': { object: 'txn' },
  'POST /api/v1/refunds': { object: 'txn', body: (id) => ({ transaction_id: id }) },
  'GET /api/v1/refunds': { list: 're', filters: { transaction_id: 'txn' } },
  'GET /api/v1/refunds/:id': { object: 're' },
  'GET /api/v1/balance': 'own',
  'GET /api/v1/ledger/accounts': { list: 'none' },
  'GET /api/v1/ledger/days': { list: 'none' },
  'GET /api/v1/ledger/entries': { list: 'none', filters: { transaction_id: 'txn' } },
  'GET /api/v1/ledger/trial_balance': 'own',
  'GET /api/v1/events': { list: 'none', filters: { object: 're' } },
  'GET /api/v1/events/:id': { object: 'evt' },
  'GET /api/v1/events/stream': 'own',
  'POST /api/v1/webhook_endpoints': 'own',
  'GET /api/v1/webhook_endpoints': { list: 'we' },
  'GET /api/v1/webhook_endpoints/:id': { object: 'we' },
  'PATCH /api/v1/webhook_endpoints/:id': { object: 'we', body: () => ({ description: 'stolen' }) },
  'POST /api/v1/webhook_endpoints/:id/enable': { object: 'we' },
  'POST /api/v1/webhook_endpoints/:id/disable': { object: 'we' },
  'POST /api/v1/webhook_endpoints/:id/rotate_secret': { object: 'we' },
  'POST /api/v1/webhook_endpoints/:id/test': { object: 'we' },
  'DELETE /api/v1/webhook_endpoints/:id': { object: 'we' },
  'POST /api/v1/webhook_endpoints/:id/replays': { object: 'we', body: () => ({ kind: 'past' }) },
  'GET /api/v1/webhook_endpoints/:id/replays': { object: 'we' },
  'GET /api/v1/webhook_replays/:id': { object: 'rpl' },
  'POST /api/v1/webhook_replays/:id/cancel': { object: 'rpl' },
  'GET /api/v1/webhook_deliveries': { list: 'dlv' },
  'GET /api/v1/webhook_deliveries/:id': { object: 'dlv' },
  'POST /api/v1/webhook_deliveries/:id/retry': { object: 'dlv' },
  'POST /api/v1/webhook_deliveries/retry': 'own',
  'GET /api/v1/routing': 'own',
  'GET /api/v1/routing/versions': 'own',
  'GET /api/v1/routing/versions/:version': 'own',
  'PUT /api/v1/routing': 'own',
  'DELETE /api/v1/routing': 'own',
  'POST /api/v1/routing/simulate': 'own',
  'GET /api/v1/providers': 'shared',
  'POST /api/v1/providers/:name/pause': 'own',
  'POST /api/v1/providers/:name/resume': 'own',
  'GET /api/v1/attempts': { list: 'att' },
  'GET /api/v1/attempts/:id': { object: 'att' },
  'POST /api/v1/attempts/:id/lookup': { object: 'att' },
  'POST /api/v1/attempts/:id/resolve': { object: 'att', body: () => ({ outcome: 'failed' }) },
  'GET /api/v1/disputes': { list: 'dp', filters: { transaction_id: 'txn' } },
  'GET /api/v1/disputes/:id': { object: 'dp' },
  'GET /api/v1/alarms': { list: 'alm', filters: { transaction_id: 'txn' } },
  'GET /api/v1/alarms/:id': { object: 'alm' },
  'POST /api/v1/alarms/:id/close': { object: 'alm', body: () => ({ reason: 'none' }) },
  'GET /api/v1/attention': 'own',
  'GET /api/v1/statistics': 'own',
  'GET /api/v1/webhook_deliveries/failures': 'own',
  'GET /api/v1/search': 'own',
  'GET /api/v1/me': 'own',
  'POST /api/v1/keys': 'own',
  'GET /api/v1/keys': { list: 'key' },
  'GET /api/v1/keys/:id': { object: 'key' },
  'PATCH /api/v1/keys/:id': { object: 'key', body: () => ({ name: 'stolen' }) },
  'POST /api/v1/keys/:id/roll': { object: 'key' },
  'POST /api/v1/keys/:id/revoke': { object: 'key' },
  'GET /api/v1/sessions': { list: 'none', filters: { key: 'key' } },
  'DELETE /api/v1/sessions/:id': { object: 'ses' },
  'POST /api/v1/sessions/end_others': 'own',
  'POST /api/v1/accounts': 'operator',
  'GET /api/v1/accounts': 'operator',
  'GET /api/v1/accounts/:id': 'operator',
  'PATCH /api/v1/accounts/:id': 'operator',
  'POST /api/v1/accounts/:id/close': 'operator',
  'GET /api/v1/audit': { list: 'aud' },
  'GET /api/v1/system': 'operator',
  'POST /providers/:name/notifications': 'open',
  'GET /metrics': 'operator',
  'GET /health': 'open',
  'GET /ready': 'open',
}

const ROUTES = ENDPOINTS.map(({ method, url, permission }) => ({
  ...{ method, url, permission },
  name: `${method} ${url}`,
}))
const NOTHING = '00000000000000000000000000'

/** Stores one object of each kind in a scope; the charge is refunded in part, disputed and doubted. */
async function objectsOf(store: Store, scope: Scope): Promise<Omit<Objects, 'key' | 'ses' | 'aud' | 'acct'>> {
  const made = await taken(store, { scope, provider: 'sandbox' })
  const { charge, refund } = await refunded(store, made.charge, { scope, amount: 100 })
  const { charge: contested, dispute } = await disputed(store, scope, charge, 100)
  const alarm = alarmOf(contested)
  await committed(store, alarmsCommit(scope, contested, [alarm]))
  const sent = chargeCommit({ scope, key: 'shared-key' })
  await committed(store, sent)
  const { endpoint, events } = await heldEndpoint(store, scope, 'mine', 1)
  const replay = replayOf(endpoint)
  await store.addReplay(replay, null)
  const failed = resultOf(events[0]!, endpoint.id, { state: 'failed' })
  await recorded(store, endpoint, 'mine', { results: [failed] })
  return {
    ...{ we: endpoint.id, rpl: replay.id },
    ...{ txn: charge.id, re: refund.id, att: made.attempt.id, dp: dispute.id, alm: alarm.id },
    ...{ dlv: failed.delivery.id, evt: sent.event.id },
  }
}

let dir: TempDir
let server: RunningServer
let owner: Client
/** An administrator of the operator's account in test mode. */
let tester: Client
let objects: Objects
/** Administrators of another account and of the other mode of the owner's account. */
const strangers: Record<string, Client> = {}
/** Their headers. */
const foreign: Record<string, string>[] = []
/** Keys of the operator's account with one permission, and with all but those of one resource. */
const only = new Map<Permission, Client>()
const without = new Map<string, Client>()

before(async () => {
  dir = tempDir()
  const file = join(dir.path, 'scopes.db')
  const secrets = await inDatabase(file, async ({ key, account, store }) => {
    const mine = await account('Owner')
    const { publicId: acct } = mine
    const theirs = (await account('Stranger')).publicId
    const owned = await key({ account: acct, mode: 'live' })
    const made = await objectsOf(store, { accountId: mine.id, mode: 'live' })
    const log = await store.auditEntries({ accountId: mine.id, mode: 'live' }, { limit: 1 })
    const spare = await key({ account: acct, mode: 'live' })
    const ses = `ses_${NOTHING.slice(1)}1`
    const at = Date.UTC(2090, 0)
    const session = sessionOf(owned.key.id, { id: ses, createdAt: at, usedAt: at })
    await store.addDashboardSession(session, auditEntry(owned.key.scope, { action: 'dashboard.signed_in' }))
    objects = { ...made, acct, ses, key: spare.key.id, aud: log.data[0]?.id ?? '' }
    const granted = new Map<string, string>()
    for (const permission of PERMISSIONS) {
      const [resource = ''] = permission.split(':')
      const others = PERMISSIONS.filter((one) => !one.startsWith(`${resource}:`))
      granted.set(permission, (await key({ mode: 'live', permissions: [permission] })).secret)
      granted.set(resource, (await key({ mode: 'live', permissions: others })).secret)
    }
    granted.set('tester', (await key({ mode: 'test' })).secret)
    return {
      owned: owned.secret,
      'another account': (await key({ account: theirs, mode: 'live' })).secret,
      "the other mode of the owner's account": (await key({ account: acct, mode: 'test' })).secret,
      granted,
    }
  })
  server = await startServer(file, { MINIPAY_PROVIDERS: 'sandbox' })
  const { owned, granted, ...others } = secrets
  owner = client(server.url, bearer(owned))
  tester = client(server.url, bearer(granted.get('tester') ?? ''))
  for (const [name, secret] of Object.entries(others)) {
    strangers[name] = client(server.url, bearer(secret))
    foreign.push(bearer(secret))
  }
  for (const permission of PERMISSIONS) {
    const [resource = ''] = permission.split(':')
    only.set(permission, client(server.url, bearer(granted.get(permission) ?? '')))
    without.set(resource, client(server.url, bearer(granted.get(resource) ?? '')))
  }
})
after(async () => {
  await server?.kill()
  dir.remove()
})

/** A response as far as the caller can tell one object from another. */
async function ask(at: Client, method: string, path: string, body?: Body): Promise<string> {
  const response = await at.request<object>(method, path, body)
  return `${response.status} ${JSON.stringify({ ...response.body, request_id: '' })}`
}

test('every route has a row, and every row a route', () => {
  assert.deepEqual(ROUTES.map(({ name }) => name).toSorted(), Object.keys(ROWS).toSorted())
})

describe('an object of another account or mode', () => {
  // A deletion comes last: the other routes need the object.
  const isDeletion = ({ method }: { readonly method: string }) => Number(method === 'DELETE')
  for (const { method, url, name } of ROUTES.toSorted((a, b) => isDeletion(a) - isDeletion(b))) {
    const row = ROWS[name]
    if (typeof row !== 'object') continue
    if ('object' in row)
      test(`is for ${name} the same as one that does not exist`, async () => {
        const { object: kind, body } = row
        const at = (id: string) => [url.replace(':id', id), body?.(id)] as const
        for (const [who, stranger] of Object.entries(strangers)) {
          const found = await ask(stranger, method, ...at(objects[kind]))
          assert.match(found, /^404 /, who)
          assert.equal(found, await ask(stranger, method, ...at(`${kind}_${NOTHING}`)), who)
        }
        const own = await owner.request(method, ...at(objects[kind]))
        assert.notEqual(own.status, 404, 'the owner finds it')
      })
    else
      test(`is not in ${name}, and its id is no cursor and no filter there`, async () => {
        const { list: kind, filters = {} } = row
        for (const [who, stranger] of Object.entries(strangers)) {
          const mine = await stranger.get<{ data: object[] }>(url)
          const text = JSON.stringify(mine.body)
          for (const [of, id] of Object.entries(objects))
            if (of !== 'acct') assert.ok(!text.includes(id), `${who} sees ${id}`)
          for (const [filter, of] of Object.entries(filters)) {
            const found = await ask(stranger, 'GET', `${url}?${filter}=${objects[of]}`)
            assert.equal(found, await ask(stranger, 'GET', `${url}?${filter}=${of}_${NOTHING}`), who)
          }
          if (kind === 'none') continue
          const found = await ask(stranger, 'GET', `${url}?starting_after=${objects[kind]}`)
          assert.equal(found, await ask(stranger, 'GET', `${url}?starting_after=${kind}_${NOTHING}`), who)
        }
        const { body } = await owner.get<{ data: object[] }>(url)
        assert.ok(body.data.length > 0, 'the owner sees some')
      })
  }
})

describe('what each scope has for itself', () => {
  test('the stream of events has nothing of other scopes', async () => {
    for (const headers of foreign) {
      const follower = await follow(server.url, { headers, query: '?after=0' })
      await setTimeout(100)
      assert.deepEqual(follower.seen, [])
      await follower.cut()
    }
  })

  test('the balance and the ledger count nothing of other scopes', async () => {
    const stranger = strangers['another account'] as Client
    const { body } = await stranger.get<Record<string, unknown>>('/api/v1/balance')
    assert.deepEqual([body['successful_transactions'], body['balances']], [0, []])
    const accounts = await stranger.get<{ data: object[] }>('/api/v1/ledger/accounts')
    assert.deepEqual(accounts.body.data, [])
    const later = await stranger.get<{ data: object[] }>('/api/v1/ledger/accounts?at=2090-01-01T00:00:00Z')
    assert.deepEqual(later.body.data, [])
    const trial = await stranger.get<{ currencies: object[]; entries: number }>(
      '/api/v1/ledger/trial_balance',
    )
    assert.deepEqual([trial.body.currencies, trial.body.entries], [[], 0])
  })

  test('an idempotency key of another scope is free', async () => {
    for (const stranger of Object.values(strangers)) {
      const order = { amount: 1, currency: 'usd', customer: 'cus_1' }
      const { status } = await stranger.post('/api/v1/charges', order, { 'idempotency-key': 'shared-key' })
      // A live charge has no provider here, and a charge in test mode is new.
      assert.ok(status === 201 || status === 502, String(status))
    }
  })

  test('routing rules, and what a simulation reads, are of one scope', async () => {
    const rules = { rules: [], default: { providers: ['sandbox'] } }
    const stranger = strangers["the other mode of the owner's account"] as Client
    const replaced = await stranger.put('/api/v1/routing', { document: rules })
    assert.equal(replaced.status, 200, JSON.stringify(replaced.body))
    assert.equal((await owner.get<{ version: number }>('/api/v1/routing')).body.version, 0)
    assert.equal((await stranger.request('DELETE', '/api/v1/routing')).status, 200)
    assert.deepEqual((await owner.get<{ data: object[] }>('/api/v1/routing/versions')).body.data, [])
    assert.equal((await owner.get('/api/v1/routing/versions/1')).status, 404)
    assert.equal((await stranger.get('/api/v1/routing/versions/1')).status, 200)
    const lonely = strangers['another account'] as Client
    const simulated = await ask(lonely, 'POST', '/api/v1/routing/simulate', { last: 100 })
    assert.ok(!simulated.includes('txn_'), simulated)
  })

  test('a retry of all failed deliveries, and keys that are made, stay in their scope', async () => {
    const stranger = strangers['another account'] as Client
    const { body } = await stranger.post<{ queued: number }>('/api/v1/webhook_deliveries/retry', {})
    assert.equal(body.queued, 0)
    for (const more of [
      { account: 'acct_default' },
      { account: objects.acct },
      { account: `acct_${NOTHING}` },
      { mode: 'test' },
    ]) {
      const key = { name: 'more', role: 'read_only', ...more }
      const { status, body: error } = await stranger.post<{ code: string }>('/api/v1/keys', key)
      assert.deepEqual([status, error.code], [403, 'permission_denied'], JSON.stringify(more))
      const listed = await stranger.get(`/api/v1/keys?${new URLSearchParams(more as Record<string, string>)}`)
      assert.equal(listed.status, 403)
    }
  })

  test('accounts and metrics are closed to administrators of other accounts than the first', async () => {
    for (const { method, url, name } of ROUTES) {
      if (ROWS[name] !== 'operator') continue
      for (const stranger of [...Object.values(strangers), owner]) {
        const path = url.replace(':id', objects.acct)
        const { status } = await stranger.request(method, path, method === 'GET' ? undefined : { name: 'x' })
        assert.equal(status, 403, name)
      }
    }
  })
})

describe('every permission against every route', () => {
  for (const { method, url, permission, name } of ROUTES)
    test(`${name} needs ${permission ?? 'no key'}`, async () => {
      const path = url.replace(/:\w+/, `txn_${NOTHING}`) + (url.endsWith('/search') ? '?q=x' : '')
      const body = method === 'GET' ? undefined : {}
      // A stream has no end, unless it is refused for something else.
      const headers: Record<string, string> = path.endsWith('/stream') ? { 'last-event-id': 'none' } : {}
      const statusOf = async (at: Client) => (await at.request(method, path, body, headers)).status
      if (permission === null) return void assert.ok(![401, 403].includes(await statusOf(client(server.url))))
      assert.equal(await statusOf(client(server.url)), 401)
      if (permission === 'any') {
        for (const [granted, at] of only) assert.ok(![401, 403].includes(await statusOf(at)), granted)
        return
      }
      // Other writings of the same request: HEAD, a slash at the end, a query.
      const others = method === 'GET' ? [['HEAD', path] as const] : []
      for (const [as, at] of [...others, [method, `${path}/`], [method, `${path}?limit=1`]] as const)
        assert.equal((await call(server.url, as, at, body)).status, 401, `${as} ${at}`)
      for (const [granted, at] of only) {
        const enough: boolean = granted === permission || granted === permission.replace(/:read$/, ':write')
        assert.equal((await statusOf(at)) !== 403, enough, granted)
      }
      const [resource = ''] = permission.split(':')
      assert.equal(await statusOf(without.get(resource) as Client), 403)
    })
})

test("a test key of the operator's account sees no counter of live mode", async () => {
  const text = { accept: 'text/plain' }
  const monitor = only.get('metrics:read') as Client
  const failed = async (at: Client) => (await at.get<MetricsAnswer>('/metrics')).body.failed_webhooks
  assert.equal(await failed(tester), 0)
  assert.ok((await failed(monitor)) > 0)
  const refused = await tester.get<{ code: string }>('/metrics', text)
  assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'])
  assert.match((await monitor.get<string>('/metrics', text)).body, /minipay_charges\{mode="live"/)
})

test('what /ready says of the whole server, it says to those who may read the metrics', async () => {
  // The commits of these tests are in the future, so the clock is behind; their bank is not configured.
  const readiness = async (at: Client) => Object.keys((await at.get<object>('/ready')).body)
  assert.deepEqual(await readiness(client(server.url)), ['status'])
  assert.deepEqual(await readiness(client(server.url, bearer('mp_live_wrong'))), ['status'])
  assert.deepEqual(await readiness(owner), ['status'])
  assert.deepEqual(await readiness(only.get('metrics:read') as Client), [
    'status',
    'clock',
    'missing_providers',
  ])
})
