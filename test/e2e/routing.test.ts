/** Routing rules of a started server: stored, refused, simulated, and followed by charges. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ProviderView as Provider } from '../../src/api/minipay/provider-schemas.ts'
import type {
  RuleSetView as RuleSet,
  RuleSetVersionView as RuleSetVersion,
} from '../../src/api/minipay/routing-schemas.ts'
import type { SimulationView as Simulation } from '../../src/api/minipay/simulation-schemas.ts'
import { type Charge, type Client, client, type ErrorAnswer, type Page } from '../kit/client.ts'
import { assertDocumented } from '../kit/documented.ts'
import { tempDir } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'
import { freePort } from '../kit/sockets.ts'

type Attempt = {
  readonly provider: string
  readonly route: {
    readonly version: number | null
    readonly rule: string
    readonly skipped: readonly { readonly provider: string; readonly reason: string }[]
    readonly notes: readonly string[]
  }
}

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const dir = tempDir()
let server: RunningServer
let api: Client

before(async () => {
  const providers = join(dir.path, 'providers.json')
  writeFileSync(
    providers,
    JSON.stringify({
      bank_a: { kind: 'sandbox' },
      bank_b: { kind: 'sandbox' },
      dead: { kind: 'http', mode: 'test', url: `http://127.0.0.1:${await freePort()}`, secret: SECRET },
    }),
  )
  server = await startServer(join(dir.path, 'minipay.db'), { MINIPAY_PROVIDERS: providers })
  api = client(server.url)
})
after(async () => {
  await server.stop()
  dir.remove()
})

async function put<T>(body: object): Promise<Answer<T>> {
  const answer = await call<T>(server.url, 'PUT', '/api/v1/routing', body)
  assertDocumented('PUT', '/api/v1/routing', answer)
  return answer
}
async function store(document: object): Promise<RuleSet> {
  const { status, body } = await put<RuleSet>({ document })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const simulate = async <T = Simulation>(body: object) => api.post<T>('/api/v1/routing/simulate', body)
const attempts = async ({ id }: Charge) =>
  (await api.get<Page<Attempt>>(`/api/v1/charges/${id}/attempts`)).body.data
const charge = (fields: object) => api.charge({ currency: 'eur', ...fields })

const EU = {
  name: 'eu',
  when: "currency == 'eur' && amount < 100000",
  providers: ['bank_b', 'bank_a'],
  failover_on: ['processing_error'],
}
const GOLD = {
  name: 'gold',
  when: "metadata.tier == 'gold'",
  split: [
    { provider: 'bank_a', weight: 50 },
    { provider: 'bank_b', weight: 50 },
  ],
  sticky: true,
}
const DEFAULT = { providers: ['bank_a'] }

test('before a rule set is stored, the default is version 0', async () => {
  const { body } = await api.get<RuleSet>('/api/v1/routing')
  assert.equal(body.version, 0)
  assert.equal(body.created_at, null)
  assert.deepEqual(body.document, {
    rules: [],
    default: { providers: ['bank_a', 'bank_b', 'dead'], failover_on: [] },
  })
})

test('a rule set is stored under the next version and read back as it was sent', async () => {
  const document = { rules: [EU, GOLD], default: DEFAULT }
  const stored = await store(document)
  assert.deepEqual(stored.document, document)
  assert.deepEqual((await api.get<RuleSet>('/api/v1/routing')).body, stored)
  assert.equal((await store(document)).version, stored.version + 1)
})

test('a rule set for a version that is no longer current is refused and not stored', async () => {
  const { version } = await store({ default: DEFAULT })
  const late = await put<ErrorAnswer>({
    document: { default: { providers: ['bank_b'] } },
    version: version - 1,
  })
  assert.deepEqual([late.status, late.body.code], [409, 'routing_version_conflict'])
  assert.equal((await api.get<RuleSet>('/api/v1/routing')).body.version, version)
})

test('the history has each version with its author and note, and an old document can be stored again', async () => {
  const history = async (query = '') =>
    (await api.get<Page<RuleSetVersion>>(`/api/v1/routing/versions${query}`)).body
  const first = (await put<RuleSet>({ document: { rules: [EU], default: DEFAULT }, note: 'Try bank_b.' }))
    .body
  assert.deepEqual([first.author, first.note, first.built_in], ['keyless', 'Try bank_b.', false])
  const reset = await call<RuleSet>(server.url, 'DELETE', '/api/v1/routing?note=No%20more%20rules.')
  assert.deepEqual([reset.body.note, reset.body.built_in], ['No more rules.', true])

  const { data, has_more } = await history('?limit=2')
  const { document: _, ...shown } = first
  const { document: __, ...shownReset } = reset.body
  assert.deepEqual([data, has_more], [[shownReset, shown], true])
  assert.equal((await history(`?before=${first.version}`)).data[0]?.version, first.version - 1)

  const old = await api.get<RuleSet>(`/api/v1/routing/versions/${first.version}`)
  assert.deepEqual(old.body, first)
  const restored = await put<RuleSet>({ document: old.body.document, version: reset.body.version })
  assert.deepEqual([restored.status, restored.body.document], [200, first.document])
  assert.deepEqual([restored.body.version, restored.body.note], [reset.body.version + 1, null])
  const builtIn = await api.get<RuleSet>(`/api/v1/routing/versions/${reset.body.version}`)
  assert.deepEqual([builtIn.body.built_in, builtIn.body.document], [true, reset.body.document])
})

test('a version that is not there, or no number, and a note that is too long are refused', async () => {
  for (const version of ['0', '999999999', '99999999999999999999', '-1', 'x', '1.0']) {
    const { status, body } = await api.get<ErrorAnswer>(`/api/v1/routing/versions/${version}`)
    assert.deepEqual([status, body.code], [404, 'routing_version_not_found'], version)
  }
  for (const note of ['', 'x'.repeat(1_001), 7])
    assert.equal(
      (await put<ErrorAnswer>({ document: { default: DEFAULT }, note })).body.code,
      'parameter_invalid',
    )
  const card = await put<ErrorAnswer>({ document: { default: DEFAULT }, note: 'for 4242 4242 4242 4242' })
  assert.equal(card.status, 400)
})

test('a draft is checked without storing it', async () => {
  const { version } = (await api.get<RuleSet>('/api/v1/routing')).body
  const good = await simulate({ rules: { rules: [EU], default: DEFAULT } })
  assert.deepEqual([good.status, good.body], [200, { version: null, charge: null, last: null }])
  const bad = await simulate<ErrorAnswer>({ rules: { rules: [{ ...EU, when: 'amout < 3' }], default: {} } })
  assert.deepEqual(
    bad.body.problems?.map(({ path, position }) => [path, position?.column]),
    [
      ['rules[0].when', 1],
      ['default', undefined],
    ],
  )
  assert.equal((await api.get<RuleSet>('/api/v1/routing')).body.version, version)
})

test('a rule set with problems is refused with the place of each, and not stored', async () => {
  const { version } = await store({ default: DEFAULT })
  const rules = [
    { name: 'a', when: 'amount > 1 &&\n amout < 3', providers: ['bank_a'] },
    { name: 'b', when: 'amount', providers: ['bank_a'] },
  ]
  const { status, body } = await put<ErrorAnswer>({ document: { rules, default: DEFAULT } })
  assert.deepEqual([status, body.code, body.param], [400, 'routing_rules_invalid', 'rules[0].when'])
  assert.deepEqual(
    body.problems?.map(({ path, position }) => [path, position]),
    [
      ['rules[0].when', { line: 2, column: 2, offset: 15 }],
      ['rules[1].when', { line: 1, column: 1, offset: 0 }],
    ],
  )
  const unreachable = [EU, { ...EU, name: 'again' }, { ...GOLD, split: [{ provider: 'bank_z', weight: 1 }] }]
  const second = await put<ErrorAnswer>({
    document: { rules: unreachable, default: { ...DEFAULT, failover_on: ['stolen_card'] } },
  })
  assert.deepEqual(
    second.body.problems?.map(({ path }) => path),
    ['rules[1].when', 'rules[2].split[0].provider', 'default.failover_on[0]'],
  )
  assert.equal((await api.get<RuleSet>('/api/v1/routing')).body.version, version)
})

test('a body without a document, or that is none, is refused', async () => {
  assert.deepEqual((await put<ErrorAnswer>({ version: 1 })).body.code, 'parameter_missing')
  for (const document of [null, 7, 'rules', []])
    assert.equal((await put<ErrorAnswer>({ document })).body.code, 'routing_rules_invalid')
})

test('a charge goes where its rule says, and its attempts tell which rule that was', async () => {
  const { version } = await store({ rules: [EU], default: DEFAULT })
  const eu = await charge({})
  assert.equal(eu.provider, 'bank_b')
  const [attempt] = await attempts(eu)
  assert.deepEqual(
    [attempt?.provider, attempt?.route.rule, attempt?.route.version],
    ['bank_b', 'eu', version],
  )
  assert.equal((await charge({ amount: 100_000 })).provider, 'bank_a')
})

test('after a decline that the rule names MiniPay fails over; after any other the charge fails', async () => {
  await store({ rules: [EU], default: DEFAULT })
  for (const [token, providers] of [
    ['tok_chargeDeclinedProcessingError', ['bank_a', 'bank_b']],
    ['tok_chargeDeclinedInsufficientFunds', ['bank_b']],
    ['tok_chargeDeclinedStolenCard', ['bank_b']],
  ] as const) {
    const body = { amount: 2500, currency: 'eur', customer: 'cus_42', payment_method: token }
    const declined = await api.post<{ charge: Charge }>('/api/v1/charges', body)
    assert.equal(declined.status, 402)
    const asked = (await attempts(declined.body.charge)).map(({ provider }) => provider)
    assert.deepEqual(asked.sort(), providers, token)
  }
})

test('a rule that cannot be evaluated does not match, and the attempt says so', async () => {
  await store({ rules: [GOLD], default: DEFAULT })
  const [attempt] = await attempts(await charge({}))
  assert.equal(attempt?.route.rule, 'default')
  assert.deepEqual(attempt?.route.notes, ['The rule "gold" could not be evaluated: No such key: tier.'])
})

test('a sticky split sends a customer to one provider, and customers to both', async () => {
  await store({ rules: [GOLD], default: DEFAULT })
  const seen = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const fields = { customer: `cus_${i}`, metadata: { tier: 'gold' } }
    const [first, second] = [await charge(fields), await charge(fields)]
    assert.equal(first.provider, second.provider)
    seen.add(first.provider)
  }
  assert.equal(seen.size, 2)
})

test('a simulation of a charge returns the rule, the order, and why earlier rules did not match', async () => {
  const { body } = await simulate({
    rules: { rules: [{ ...EU, name: 'small', when: 'amount < 10' }, GOLD, EU], default: DEFAULT },
    charge: { amount: 2500, currency: 'EUR', customer: 'cus_42', time: '2026-11-23T12:00:00Z' },
  })
  assert.equal(body.version, null)
  assert.deepEqual(body.charge, {
    rule: 'eu',
    providers: ['bank_b', 'bank_a'],
    failover_on: ['processing_error'],
    not_matched: [
      { rule: 'small', reason: 'amount < 10 is false.' },
      { rule: 'gold', reason: 'No such key: tier.' },
    ],
    skipped_now: [],
    limits: [],
  })
})

test('a simulation can ask about the time of the charge', async () => {
  const night = { name: 'night', when: 'time.getHours() < 6', providers: ['bank_b'] }
  for (const [hour, rule] of [
    ['05', 'night'],
    ['06', 'default'],
  ] as const) {
    const { body } = await simulate({
      rules: { rules: [night], default: DEFAULT },
      charge: { amount: 1, currency: 'usd', customer: 'c', time: `2026-11-23T${hour}:30:00Z` },
    })
    assert.equal(body.charge?.rule, rule)
  }
})

test('a simulation over the newest charges counts where they would go, and changes nothing', async () => {
  const { version } = await store({ default: DEFAULT })
  const made: Charge[] = []
  for (let i = 0; i < 3; i++) made.push(await charge({ amount: 100 + i }))
  const { body } = await simulate({
    rules: { rules: [{ ...EU, when: 'amount == 101' }], default: DEFAULT },
    last: 3,
  })
  assert.deepEqual(body.last, {
    charges: 3,
    changed: 1,
    rerouted: 1,
    samples: [
      {
        ...{ transaction_id: made[1]?.id, amount: 101, currency: 'eur', customer: 'cus_42' },
        ...{ created_at: made[1]?.created_at, went: 'bank_a' },
        route: { rule: 'eu', provider: 'bank_b' },
        stored_route: { rule: 'default', provider: 'bank_a' },
      },
    ],
    not_evaluated: 0,
    rules: [
      { rule: 'default', charges: 2 },
      { rule: 'eu', charges: 1 },
    ],
    providers: [
      { provider: 'bank_a', would_go: 2, went: 3 },
      { provider: 'bank_b', would_go: 1, went: 0 },
    ],
    limits: [],
  })
  assert.equal((await api.get<RuleSet>('/api/v1/routing')).body.version, version)
})

test('a simulation with a bad draft, currency, time or count is refused', async () => {
  const good = { amount: 1, currency: 'usd', customer: 'c' }
  for (const [body, code] of [
    [{ rules: { default: {} } }, 'routing_rules_invalid'],
    [{ charge: { ...good, currency: 'zzz' } }, 'currency_invalid'],
    [{ charge: { ...good, time: 'noon' } }, 'parameter_invalid'],
    [{ charge: { amount: 1 } }, 'parameter_missing'],
    [{ last: 1001 }, 'parameter_invalid'],
    [{ lasst: 1 }, 'parameter_unknown'],
  ] as const)
    assert.equal((await simulate<ErrorAnswer>(body)).body.code, code, JSON.stringify(body))
})

test('a provider that refuses connections is failed over, then passed over, and shown with an open breaker', async () => {
  await store({ rules: [{ ...EU, providers: ['dead', 'bank_a'] }], default: DEFAULT })
  for (let i = 0; i < 5; i++) {
    const asked = (await attempts(await charge({}))).map(({ provider }) => provider)
    assert.deepEqual(asked.sort(), ['bank_a', 'dead'])
  }
  const [attempt, ...others] = await attempts(await charge({}))
  assert.deepEqual(others, [])
  assert.deepEqual(attempt?.route.skipped, [{ provider: 'dead', reason: 'circuit breaker open' }])

  const { body } = await api.get<Page<Provider>>('/api/v1/providers')
  assert.deepEqual(
    body.data.map(({ name, kind, breaker }) => [name, kind, breaker.state]),
    [
      ['bank_a', 'sandbox', 'closed'],
      ['bank_b', 'sandbox', 'closed'],
      ['dead', 'http', 'open'],
    ],
  )
  const dead = body.data[2] as Provider
  assert.deepEqual([dead.window.calls, dead.window.errors, dead.window.success_rate], [5, 5, 0])

  const simulated = await simulate({ charge: { amount: 1, currency: 'eur', customer: 'c' } })
  assert.deepEqual(simulated.body.charge?.skipped_now, [{ provider: 'dead', reason: 'circuit breaker open' }])
})

test('the commands set, simulate and print a rule set, and name every problem of a bad one', async () => {
  const env = { MINIPAY_SERVER: server.url }
  const file = join(dir.path, 'rules.json')
  const document = { rules: [EU], default: DEFAULT }
  writeFileSync(file, JSON.stringify(document))
  const set = await runCli(['routing', 'set', file], env)
  assert.deepEqual([set.code, set.stderr], [0, ''])
  assert.match(set.stdout, /^Stored as version \d+\.$/m)
  const shown = await runCli(['routing'], env)
  assert.deepEqual([shown.code, JSON.parse(shown.stdout)], [0, document])
  const simulated = await runCli(['routing', 'simulate', file], env)
  assert.equal(simulated.code, 0)
  assert.ok(JSON.parse(simulated.stdout).charges > 0)

  writeFileSync(file, JSON.stringify({ rules: [{ ...EU, when: 'amout < 3' }], default: {} }))
  const bad = await runCli(['routing', 'set', file], env)
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /rules\[0\]\.when:1:1: Unknown variable: amout/)
  assert.match(bad.stderr, /default: It needs either providers/)
})

test('without a server the commands say so', async () => {
  const { code, stderr } = await runCli(['routing'], {
    MINIPAY_SERVER: `http://127.0.0.1:${await freePort()}`,
  })
  assert.equal(code, 1)
  assert.match(stderr, /No response from http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)/)
})
