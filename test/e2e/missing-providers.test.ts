/** A forgotten providers' file: the messages of the start and of /ready, and when the start is refused. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Charge, client } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'
import { newSecret, type Simulator, startSimulator } from '../kit/simulator.ts'

type Ready = {
  readonly status: string
  readonly missing_providers?: readonly Readonly<Record<string, unknown>>[]
}

const CHARGE = { amount: 1000, currency: 'usd', customer: 'cus_1' }

let dir: TempDir
let bank: Simulator
let both: string
let sandboxOnly: string

before(async () => {
  dir = tempDir()
  const secret = newSecret()
  bank = await startSimulator(`${dir.path}/bank.db`, { secret })
  const http = { kind: 'http', mode: 'test', url: bank.url, secret, deadline_ms: 3_000 }
  both = `${dir.path}/both.json`
  writeFileSync(both, JSON.stringify({ bank_a: http, sandbox: { kind: 'sandbox' } }))
  sandboxOnly = `${dir.path}/sandbox.json`
  writeFileSync(sandboxOnly, JSON.stringify({ sandbox: { kind: 'sandbox' } }))
})
after(async () => {
  await bank?.kill()
  dir?.remove()
})

const ready = async ({ url }: RunningServer) => {
  const { status, body } = await call<Ready>(url, 'GET', '/ready')
  return [status, body] as const
}
const warnings = (server: RunningServer) => server.output().match(/"level":"warn".*/g) ?? []

/** Runs a MiniPay on that database until `use` is done. */
async function serving<T>(
  database: string,
  providers: string | undefined,
  use: (server: RunningServer) => Promise<T>,
): Promise<T> {
  const env = {
    MINIPAY_PROVIDER_WAIT_MS: '2500',
    ...(providers !== undefined && { MINIPAY_PROVIDERS: providers }),
  }
  const server = await startServer(`${dir.path}/${database}`, env)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** A database in which bank_a has taken one payment. */
async function used(database: string): Promise<Charge> {
  return serving(database, both, async (server) => {
    const charge = await client(server.url).charge(CHARGE)
    assert.equal(charge.provider, 'bank_a')
    assert.deepEqual(await ready(server), [200, { status: 'ready' }])
    return charge
  })
}

function refusedStart(database: string) {
  return runCli(['serve', '--database', `${dir.path}/${database}`], { PORT: '0', WEBHOOK_TARGET: '' })
}

describe('without a file of providers', () => {
  test('a new database starts with the sandbox, and so does one that knows only that', async () => {
    for (let i = 0; i < 2; i++)
      await serving('new.db', undefined, async (server) => {
        assert.equal((await client(server.url).charge(CHARGE)).provider, 'sandbox')
        assert.deepEqual(await ready(server), [200, { status: 'ready' }])
        assert.deepEqual(warnings(server), [])
      })
  })

  test('the start is refused with one sentence when a real provider has taken payments', async () => {
    await used('used.db')
    const { code, stderr, stdout } = await refusedStart('used.db')
    assert.equal(code, 2)
    assert.match(
      stderr,
      /^minipay: The database has charges or rules of bank_a, .* Set MINIPAY_PROVIDERS .*\.\n$/,
    )
    assert.doesNotMatch(stdout, /listening/)
  })

  test('the start is refused, too, when the real provider has the name of the sandbox', async () => {
    const providers = `${dir.path}/named.json`
    const secret = newSecret()
    const other = await startSimulator(`${dir.path}/other.db`, { secret })
    writeFileSync(
      providers,
      JSON.stringify({ sandbox: { kind: 'http', mode: 'test', url: other.url, secret } }),
    )
    await serving('named.db', providers, async (server) => client(server.url).charge(CHARGE))
    await other.kill()
    const { code, stderr } = await refusedStart('named.db')
    assert.deepEqual([code, /rules of sandbox/.test(stderr)], [2, true])
  })
})

describe('without a file, and without a payment', () => {
  for (const [what, go] of [
    [
      'declined the only charge',
      (url: string) =>
        call(url, 'POST', '/api/v1/charges', { ...CHARGE, payment_method: 'tok_fault_decline' }),
    ],
    [
      'stands in rules before the sandbox',
      (url: string) =>
        call(url, 'PUT', '/api/v1/routing', {
          document: { default: { providers: ['bank_a', 'sandbox'], failover_on: ['not_sent'] } },
        }),
    ],
  ] as const)
    test(`the start is refused when a real provider ${what}`, async () => {
      const database = `${what.length}.db`
      await serving(database, both, async ({ url }) => assert.ok((await go(url)).status < 403))
      const { code, stderr } = await refusedStart(database)
      assert.equal(code, 2)
      assert.match(stderr, /charges or rules of bank_a/)
      await serving(database, 'sandbox', async ({ url }) => {
        assert.equal((await client(url).charge(CHARGE)).provider, 'sandbox')
      })
    })
})

describe('with the sandbox named', () => {
  for (const [how, providers] of [
    ['in a file', () => sandboxOnly],
    ['in the place of a file', () => 'sandbox'],
  ] as const)
    test(`${how}, it starts, and the start and /ready say what is missing`, async () => {
      const database = `sandbox-${how.length}.db`
      const { id } = await used(database)
      await serving(database, providers(), async (server) => {
        const missing = {
          provider: 'bank_a',
          open_attempts: 0,
          to_capture: false,
          to_refund: true,
          in_rules: false,
        }
        assert.deepEqual(await ready(server), [200, { status: 'ready', missing_providers: [missing] }])
        assert.match(warnings(server).join('\n'), /"provider":"bank_a".*"to_refund":true/)
        assert.equal((await client(server.url).charge(CHARGE)).provider, 'sandbox')
        assert.equal((await call(server.url, 'GET', '/health')).status, 200)
        const refund = await client(server.url).post('/api/v1/refunds', { transaction_id: id })
        assert.equal(refund.status, 409, 'its provider is not there')
      })
      await serving(database, both, async (server) => {
        await client(server.url).refund(id)
        assert.deepEqual(await ready(server), [200, { status: 'ready' }])
      })
      await serving(database, 'sandbox', async (server) => {
        assert.deepEqual(await ready(server), [200, { status: 'ready' }], 'all of it is refunded')
      })
    })

  test('an attempt whose end is not known, and money that is held, are reported', async () => {
    await serving('open.db', both, async (server) => {
      const api = client(server.url)
      await api.charge({ ...CHARGE, capture: false })
      const held = { ...CHARGE, payment_method: 'tok_fault_hold_after' }
      assert.equal((await api.post<Charge>('/api/v1/charges', held)).status, 202)
    })
    await serving('open.db', 'sandbox', async (server) => {
      const [, body] = await ready(server)
      assert.deepEqual(
        body.missing_providers?.map(({ provider, to_capture, open_attempts }) => [
          provider,
          to_capture,
          open_attempts,
        ]),
        [['bank_a', true, 1]],
      )
    })
  })
})

describe('routing rules that name providers which are gone', () => {
  test('the start warns, /ready is 503 while no rule leads anywhere, and a reset ends it with a new version', async () => {
    const rules = `${dir.path}/rules.json`
    writeFileSync(rules, JSON.stringify({ default: { providers: ['bank_a'] } }))
    await serving('rules.db', both, async (server) => {
      assert.equal((await runCli(['routing', 'set', rules, '--server', server.url])).code, 0)
    })
    // No payment was taken: the sandbox stands in for nothing.
    await serving('rules.db', undefined, async (server) => {
      const api = client(server.url)
      assert.match(warnings(server).join('\n'), /Every charge will fail with 502.*minipay routing reset/)
      const [status, body] = await ready(server)
      assert.deepEqual(
        [status, body.status, body.missing_providers?.[0]?.['in_rules']],
        [503, 'no_provider', true],
      )
      assert.equal((await api.post('/api/v1/charges', CHARGE)).status, 502)
      const reset = await runCli(['routing', 'reset', '--server', server.url])
      assert.deepEqual([reset.code, reset.stdout.slice(0, 20)], [0, 'Stored as version 2:'])
      assert.equal((await api.charge(CHARGE)).provider, 'sandbox')
      assert.deepEqual(await ready(server), [200, { status: 'ready' }])
      const stale = await call(server.url, 'DELETE', '/api/v1/routing?version=1')
      assert.deepEqual(
        [stale.status, (stale.body as { code?: string }).code],
        [409, 'routing_version_conflict'],
      )
      const again = await call<{ version: number; document: object }>(
        server.url,
        'DELETE',
        '/api/v1/routing?version=2',
      )
      assert.deepEqual([again.status, again.body.version], [200, 3])
      assert.deepEqual(again.body.document, {
        rules: [],
        default: { providers: ['sandbox'], failover_on: [] },
      })
    })
    // What holds then is what is configured then.
    await serving('rules.db', sandboxOnly, async (server) => {
      assert.equal((await client(server.url).charge(CHARGE)).provider, 'sandbox')
    })
    const { code, stderr } = await runCli(['verify', '--database', `${dir.path}/rules.db`])
    assert.deepEqual([code, stderr], [0, ''], 'the built-in rules are rules')
  })
})
