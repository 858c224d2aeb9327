/** The most expensive requests of each endpoint. */
import type { Endpoint } from '../../src/api/endpoint.ts'
import { brokenRuleSet, CONDITION_KINDS, limitsOnly, ruleSetOf } from './rule-sets.ts'
import { type Ask, MOST_METADATA, type PausesWorld } from './world.ts'

type Cases = Readonly<Record<string, (world: PausesWorld) => Ask>>

const get =
  (path: string | ((world: PausesWorld) => string), headers?: Record<string, string>) =>
  (world: PausesWorld): Ask => ({
    method: 'GET',
    path: typeof path === 'string' ? path : path(world),
    ...(headers && { headers }),
  })
const post = (path: string, body: object | string) => (): Ask => ({
  method: 'POST',
  path,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const patch = (path: string, body: object) => (): Ask => ({
  method: 'PATCH',
  path,
  body: JSON.stringify(body),
})
const put = (document: object) => (): Ask => ({
  method: 'PUT',
  path: '/api/v1/routing',
  body: JSON.stringify({ document }),
})

const STRANGE = Object.fromEntries(Array.from({ length: 11_000 }, (_, i) => [`n${i}`, i]))
const MANY_NETWORKS = Array.from({ length: 16_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`)
const MANY_HEADERS = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, 'v']))
const HOOK = 'https://shop.example/webhooks'
/** Filters that the index of none finds alone, over every row. */
const nothing = (list: string, ...queries: string[]): Cases =>
  Object.fromEntries(queries.map((query) => [query, get(`/api/v1/${list}?limit=100&${query}`)]))
const yesterday = new Date(Date.now() - 86_400_000).toISOString()
const MANY_TYPES = Array.from({ length: 1_500 }, (_, i) => `a/b${i};q=0.${i % 10}`).join()

/** The cases of an endpoint. A read without parameters of its own, or of a plain list, needs none below. */
export function casesOf({ method, url, params, query }: Endpoint): Cases | undefined {
  const own = worstCases[`${method} ${url}`]
  if (own || method !== 'GET' || params) return own
  return { 'as it is': get(query && 'limit' in (query['properties'] as object) ? `${url}?limit=100` : url) }
}

export const worstCases: Readonly<Record<string, Cases>> = {
  'POST /api/v1/charges': {
    'the largest charge': ({ charge }) => charge({ metadata: MOST_METADATA, description: 'é'.repeat(1_000) }),
    'in every part too long': ({ charge }) =>
      charge({ metadata: { ...MOST_METADATA, more: 'x'.repeat(100_000) }, customer: 'c'.repeat(50_000) }),
  },
  'GET /api/v1/charges': {
    'largest rows': get('/api/v1/charges?limit=100'),
    'largest rows as CSV': get('/api/v1/charges?limit=100&format=csv'),
    ...nothing(
      'charges',
      'customer=cus_000000&status=failed',
      'customer=cus_000000&currency=eur&status=succeeded',
      'currency=xof&status=succeeded',
      `status=succeeded&currency=eur&created_gte=${yesterday}`,
      `currency=eur&ending_before=txn_00000000000000000000000000`,
      'provider=none&amount_gte=9000000000000',
      'status=failed,succeeded,refunded&decline_code=none',
    ),
    'a long query': get(`/api/v1/charges?${'x=1&'.repeat(3_900)}`),
    'a query of digits': get(`/api/v1/charges?customer=${'4%201'.repeat(3_000)}`),
  },
  'GET /api/v1/charges/:id': {
    'the largest': get(({ ids }) => `/api/v1/charges/${ids.charge}`),
    'a long id': get(`/api/v1/charges/${'1-'.repeat(7_900)}`),
  },
  'POST /api/v1/charges/:id/capture': {
    'of the largest charge': ({ ids }) => post(`/api/v1/charges/${ids.held}/capture`, { amount: 1 })(),
    'unknown names': ({ ids }) => post(`/api/v1/charges/${ids.held}/capture`, STRANGE)(),
  },
  'POST /api/v1/charges/:id/cancel': {
    'of the largest charge': ({ ids }) => post(`/api/v1/charges/${ids.held}/cancel`, {})(),
    'unknown names': ({ ids }) => post(`/api/v1/charges/${ids.held}/cancel`, STRANGE)(),
  },
  'GET /api/v1/charges/:id/attempts': {
    'the largest': get(({ ids }) => `/api/v1/charges/${ids.charge}/attempts`),
  },
  'POST /api/v1/refunds': {
    'the largest refund': ({ ids }) =>
      post('/api/v1/refunds', { transaction_id: ids.charge, amount: 1, metadata: MOST_METADATA })(),
    'a long id': post('/api/v1/refunds', { transaction_id: '4 '.repeat(120_000) }),
    'unknown names': post('/api/v1/refunds', { transaction_id: 'txn_1', ...STRANGE }),
    'wrong metadata': post('/api/v1/refunds', { transaction_id: 'txn_1', metadata: STRANGE }),
  },
  'GET /api/v1/refunds': {
    'largest rows': get('/api/v1/refunds?limit=100'),
    ...nothing(
      'refunds',
      'customer=cus_1&status=failed',
      'currency=eur',
      'status=failed,refunded&amount_lte=1',
      `transaction_id=x&created_lt=${yesterday}`,
    ),
  },
  'GET /api/v1/search': {
    'a customer with many charges': get('/api/v1/search?q=cus_000000'),
    'a request without events': get('/api/v1/search?q=req_01kasw5v8g007ne3r5yx2tb4qd'),
    'a long text': get(`/api/v1/search?q=${'4%201'.repeat(3_000)}`),
  },
  'GET /api/v1/refunds/:id': { 'the largest': get(({ ids }) => `/api/v1/refunds/${ids.refund}`) },
  'GET /api/v1/ledger/entries': {
    'many rows': get('/api/v1/ledger/entries?limit=100'),
    ...nothing(
      'ledger/entries',
      'account=merchant',
      'account=merchant&currency=bob',
      'account=nobody&currency=usd',
      'account=provider:sandbox&currency=usd&transaction_id=txn_1',
      `created_gte=${yesterday}`,
      `created_lt=2001-01-01T00:00:00Z`,
      `created_gte=${yesterday}&created_lt=2099-01-01T00:00:00Z&account=merchant&currency=bob`,
    ),
  },
  'GET /api/v1/statistics': {
    'a year by day, in every part': get(
      `/api/v1/statistics?from=${new Date(Date.now() - 400 * 86_400_000).toISOString()}&bucket=day&by=provider,currency,kind,status,decline_code`,
    ),
    'names that are none': get(`/api/v1/statistics?by=${','.repeat(99)}`),
  },
  'GET /api/v1/ledger/days': {
    'many rows': get('/api/v1/ledger/days?limit=100'),
    'many rows after a cursor': get(
      '/api/v1/ledger/days?limit=100&starting_after=2099-01-01/provider:sandbox/usd',
    ),
    'many rows as CSV': get('/api/v1/ledger/days?format=csv'),
    ...nothing(
      'ledger/days',
      'to=1970-01-01',
      'account=nobody',
      'from=2099-01-01&account=merchant&currency=bob',
    ),
  },
  'GET /api/v1/ledger/accounts': {
    'at a time': get(`/api/v1/ledger/accounts?at=${new Date().toISOString()}`),
    'before all': get('/api/v1/ledger/accounts?at=2001-01-01T00:00:00Z'),
    csv: get('/api/v1/ledger/accounts?format=csv'),
  },
  'GET /api/v1/ledger/trial_balance': {
    'at a time': get(`/api/v1/ledger/trial_balance?at=${new Date().toISOString()}`),
  },
  'GET /api/v1/events': {
    'largest rows': get('/api/v1/events?limit=100&after=100166'),
    'largest rows, newest first': get('/api/v1/events?limit=100&before=100266'),
    'largest rows as CSV': get('/api/v1/events?limit=100&after=100166&format=csv'),
    ...nothing(
      'events',
      'type=payment.failed',
      'type=refund.failed&after=1',
      'type=dispute.*,alarm.*,refund.failed',
      `created_lt=2001-01-01T00:00:00Z`,
      `created_gte=${yesterday}&type=dispute.*`,
      'object=txn_00000000000000000000000000&type=payment.*',
    ),
  },
  'GET /api/v1/events/:id': { 'a long id': get(`/api/v1/events/${'1.'.repeat(7_900)}`) },
  'GET /api/v1/events/stream': {
    // A stream has no end: while it sends many events, it waits for its client after every 32 KiB.
    'its head': () => ({ method: 'HEAD', path: '/api/v1/events/stream?after=0' }),
  },
  'POST /api/v1/webhook_endpoints': {
    'many event types': post('/api/v1/webhook_endpoints', { url: HOOK, events: MANY_NETWORKS }),
    'many delays': post('/api/v1/webhook_endpoints', {
      url: HOOK,
      retry_delays_seconds: MANY_NETWORKS.map((_, i) => i),
    }),
    'many headers': post('/api/v1/webhook_endpoints', { url: HOOK, headers: MANY_HEADERS }),
    'a long URL': post('/api/v1/webhook_endpoints', { url: `${HOOK}?${'1 '.repeat(120_000)}` }),
    'unknown names': post('/api/v1/webhook_endpoints', { url: HOOK, ...STRANGE }),
  },
  'GET /api/v1/webhook_endpoints': { 'many of them': get('/api/v1/webhook_endpoints?limit=100') },
  'GET /api/v1/webhook_endpoints/:id': {
    'one with a backlog': get(({ ids }) => `/api/v1/webhook_endpoints/${ids.endpoint}`),
    'a long id': get(`/api/v1/webhook_endpoints/${'1.'.repeat(7_900)}`),
  },
  'PATCH /api/v1/webhook_endpoints/:id': {
    'many event types': ({ ids }) =>
      patch(`/api/v1/webhook_endpoints/${ids.endpoint}`, { events: MANY_NETWORKS })(),
    'the largest change': ({ ids }) =>
      patch(`/api/v1/webhook_endpoints/${ids.endpoint}`, {
        metadata: MOST_METADATA,
        headers: Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`x-${i}`, 'v'.repeat(950)])),
      })(),
    'unknown names': patch('/api/v1/webhook_endpoints/we_1', STRANGE),
  },
  'POST /api/v1/webhook_endpoints/:id/enable': {
    'unknown names': post('/api/v1/webhook_endpoints/we_1/enable', STRANGE),
  },
  'POST /api/v1/webhook_endpoints/:id/disable': {
    'unknown names': post('/api/v1/webhook_endpoints/we_1/disable', STRANGE),
  },
  'POST /api/v1/webhook_endpoints/:id/rotate_secret': {
    'a new secret': ({ ids }) => post(`/api/v1/webhook_endpoints/${ids.endpoint}/rotate_secret`, {})(),
    'unknown names': post('/api/v1/webhook_endpoints/we_1/rotate_secret', STRANGE),
  },
  'POST /api/v1/webhook_endpoints/:id/test': {
    'a large answer': ({ ids }) => post(`/api/v1/webhook_endpoints/${ids.endpoint}/test`, {})(),
    'unknown names': post('/api/v1/webhook_endpoints/we_1/test', STRANGE),
  },
  'DELETE /api/v1/webhook_endpoints/:id': {
    'a long id': () => ({ method: 'DELETE', path: `/api/v1/webhook_endpoints/${'1.'.repeat(7_900)}` }),
  },
  'POST /api/v1/webhook_endpoints/:id/replays': {
    'everything since a time': ({ ids }) =>
      post(`/api/v1/webhook_endpoints/${ids.endpoint}/replays`, { kind: 'past', since: yesterday })(),
    'many event types': ({ ids }) =>
      post(`/api/v1/webhook_endpoints/${ids.endpoint}/replays`, {
        kind: 'failed',
        event_types: MANY_NETWORKS,
      })(),
  },
  'GET /api/v1/webhook_endpoints/:id/replays': {
    'those of an endpoint': get(({ ids }) => `/api/v1/webhook_endpoints/${ids.endpoint}/replays?limit=100`),
  },
  'GET /api/v1/webhook_replays/:id': { 'a long id': get(`/api/v1/webhook_replays/${'1.'.repeat(7_900)}`) },
  'POST /api/v1/webhook_replays/:id/cancel': {
    'unknown names': post('/api/v1/webhook_replays/rpl_1/cancel', STRANGE),
  },
  'GET /api/v1/webhook_deliveries': {
    'many rows': get('/api/v1/webhook_deliveries?limit=100'),
    'an error that no delivery has': get('/api/v1/webhook_deliveries?last_error=none'),
    ...nothing(
      'webhook_deliveries',
      ...['status=pending', 'status=delivered', 'status=failed', 'endpoint=we_1', 'event_type=dispute.lost'],
      ...['endpoint=we_1&event_type=payment.succeeded&status=failed', 'endpoint=default&status=delivered'],
      `endpoint=default&created_gte=${yesterday}&event_type=refund.failed`,
    ),
  },
  'GET /api/v1/webhook_deliveries/failures': {
    'more than it counts': get('/api/v1/webhook_deliveries/failures'),
  },
  'GET /api/v1/webhook_deliveries/:id': {
    'a long id': get(`/api/v1/webhook_deliveries/${'1.'.repeat(7_900)}`),
  },
  'POST /api/v1/webhook_deliveries/:id/retry': {
    'unknown names': post('/api/v1/webhook_deliveries/dlv_1/retry', STRANGE),
  },
  'POST /api/v1/webhook_deliveries/retry': {
    'none that fits': post('/api/v1/webhook_deliveries/retry', {
      last_status: 999,
      event_type: 'refund.failed',
    }),
    'all that there are, to look': post('/api/v1/webhook_deliveries/retry', { dry_run: true }),
    'ten thousand': post('/api/v1/webhook_deliveries/retry', { limit: 10_000 }),
  },
  'PUT /api/v1/routing': {
    ...Object.fromEntries(CONDITION_KINDS.map((kind) => [kind, put(ruleSetOf(kind))])),
    'a problem at every place': put(brokenRuleSet()),
    'back to the built-in': () => ({ method: 'DELETE', path: '/api/v1/routing' }),
  },
  'DELETE /api/v1/routing': {
    'while none are stored': () => ({ method: 'DELETE', path: '/api/v1/routing' }),
  },
  'GET /api/v1/routing/versions/:version': {
    'the built-in rules': get('/api/v1/routing/versions/1'),
    'a long number': get(`/api/v1/routing/versions/${'9'.repeat(7_900)}`),
  },
  'POST /api/v1/routing/simulate': {
    ...Object.fromEntries(
      CONDITION_KINDS.map((kind) => [kind, (world: PausesWorld) => world.simulation(kind)]),
    ),
    'the newest thousand': post('/api/v1/routing/simulate', { last: 1_000 }),
    'limits on the newest thousand': post('/api/v1/routing/simulate', { rules: limitsOnly(), last: 1_000 }),
    'a problem at every place': post('/api/v1/routing/simulate', { rules: brokenRuleSet(), last: 1_000 }),
  },
  'GET /api/v1/attempts': {
    'largest page': get('/api/v1/attempts?limit=100'),
    ...nothing(
      'attempts',
      'status=unknown',
      'status=succeeded',
      'status=sending,pending,unknown&order=oldest',
      'provider=nobody&kind=cancel',
      `provider=nobody&status=succeeded,declined,not_sent&created_gte=${yesterday}`,
    ),
    'a long status': get(`/api/v1/attempts?status=${'unknown,'.repeat(1_900)}`),
  },
  'GET /api/v1/attempts/:id': { 'a long id': get(`/api/v1/attempts/${'1.'.repeat(7_900)}`) },
  'POST /api/v1/attempts/:id/lookup': {
    'unknown names': post('/api/v1/attempts/att_1/lookup', STRANGE),
    'a long id': post(`/api/v1/attempts/${'1.'.repeat(7_900)}/lookup`, {}),
  },
  'POST /api/v1/providers/:name/pause': {
    'unknown names': post('/api/v1/providers/nobody/pause', { reason: 'x', ...STRANGE }),
    'a long name': post(`/api/v1/providers/${'1.'.repeat(7_900)}/pause`, { reason: 'x' }),
  },
  'POST /api/v1/providers/:name/resume': {
    'unknown names': post('/api/v1/providers/nobody/resume', { reason: 'x', ...STRANGE }),
  },
  'POST /api/v1/attempts/:id/resolve': {
    'unknown names': post('/api/v1/attempts/att_1/resolve', { outcome: 'failed', ...STRANGE }),
  },
  'GET /api/v1/disputes': {
    ...nothing('disputes', 'transaction_id=txn_1', 'status=won', 'due_before=2100-01-01T00:00:00Z'),
    all: get('/api/v1/disputes?limit=100'),
  },
  'GET /api/v1/disputes/:id': { 'a long id': get(`/api/v1/disputes/${'1.'.repeat(7_900)}`) },
  'GET /api/v1/alarms': {
    ...nothing('alarms', 'status=open&transaction_id=txn_1'),
    all: get('/api/v1/alarms?limit=100'),
    'of a provider': get('/api/v1/alarms?status=closed&provider=none'),
    csv: get('/api/v1/alarms?format=csv'),
  },
  'GET /api/v1/alarms/:id': { 'a long id': get(`/api/v1/alarms/${'1.'.repeat(7_900)}`) },
  'POST /api/v1/alarms/:id/close': {
    'unknown names': post('/api/v1/alarms/alm_1/close', { reason: 'x', ...STRANGE }),
  },
  // A key that is made would end the keyless requests of this test, so these are refused: after every check of the body.
  'POST /api/v1/keys': {
    'many networks': post('/api/v1/keys', { name: 'a', role: 'read_only', networks: MANY_NETWORKS }),
    'many permissions': post('/api/v1/keys', { name: 'a', permissions: MANY_NETWORKS }),
    'unknown names': post('/api/v1/keys', STRANGE),
  },
  'GET /api/v1/keys/:id': { 'a long id': get(`/api/v1/keys/${'1.'.repeat(7_900)}`) },
  'PATCH /api/v1/keys/:id': { 'unknown names': patch('/api/v1/keys/key_1', STRANGE) },
  'POST /api/v1/keys/:id/roll': { 'unknown names': post('/api/v1/keys/key_1/roll', STRANGE) },
  'GET /api/v1/sessions': { 'a long id': get(`/api/v1/sessions?key=${'1.'.repeat(7_900)}`) },
  'DELETE /api/v1/sessions/:id': {
    'a long id': () => ({ method: 'DELETE', path: `/api/v1/sessions/${'1.'.repeat(7_900)}` }),
  },
  'POST /api/v1/sessions/end_others': { 'unknown names': post('/api/v1/sessions/end_others', STRANGE) },
  'POST /api/v1/keys/:id/revoke': { 'unknown names': post('/api/v1/keys/key_1/revoke', STRANGE) },
  'POST /api/v1/accounts': { 'unknown names': post('/api/v1/accounts', STRANGE) },
  'GET /api/v1/accounts/:id': { 'a long id': get(`/api/v1/accounts/${'1.'.repeat(7_900)}`) },
  'PATCH /api/v1/accounts/:id': { 'unknown names': patch('/api/v1/accounts/acct_1', STRANGE) },
  'POST /api/v1/accounts/:id/close': { 'unknown names': post('/api/v1/accounts/acct_1/close', STRANGE) },
  'POST /providers/:name/notifications': {
    'the largest': post('/providers/remote/notifications', `{"id":"${'1 '.repeat(131_000)}"}`),
    'many signatures': () => ({
      method: 'POST',
      path: '/providers/remote/notifications',
      body: '1'.repeat(262_000),
      headers: {
        'webhook-id': 'a',
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
        'webhook-signature': 'v1,AAAAAAAA '.repeat(1_200).trim(),
      },
    }),
  },
  'GET /metrics': {
    json: get('/metrics'),
    text: get('/metrics', { accept: 'text/plain' }),
    'any of many types': get('/metrics', { accept: MANY_TYPES }),
  },
  'GET /': { plain: get('/') },
  'GET /docs': { page: get('/docs') },
  'GET /openapi.json': { document: get('/openapi.json') },
}
