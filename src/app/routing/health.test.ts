import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallOutcome, createHealth } from './health.ts'

function setUp() {
  const clock = { now: 0 }
  const changes: string[] = []
  const health = createHealth(
    () => clock.now,
    (provider, state) => changes.push(`${provider} ${state}`),
  )
  const report = (outcome: CallOutcome, times = 1, ms = 10) => {
    for (let i = 0; i < times; i++) health.report('bank_a', outcome, ms, false)
  }
  return { clock, changes, health, report }
}

test('a provider without calls is admitted, and has no rates', () => {
  const { health } = setUp()
  assert.equal(health.admit('bank_a'), 'closed')
  assert.deepEqual(health.snapshot('bank_a'), {
    state: 'closed',
    retryInMs: 0,
    calls: 0,
    errors: 0,
    declines: 0,
    successRate: null,
    latencyP50Ms: null,
    latencyP95Ms: null,
    lookups: { state: 'closed', retryInMs: 0, calls: 0, errors: 0 },
  })
})

test('every kind of response is healthy, including declines and lookups that find nothing', () => {
  const { health, report } = setUp()
  for (const outcome of ['succeeded', 'declined', 'pending', 'not_found'] as const) report(outcome, 25)
  const { state, calls, errors, declines, successRate } = health.snapshot('bank_a')
  assert.deepEqual([state, calls, errors, declines, successRate], ['closed', 100, 0, 25, 1])
})

test('unknown outcomes and calls that were not sent open the breaker of that provider alone', () => {
  const { health, changes, report } = setUp()
  report('unknown', 3)
  report('not_sent', 2)
  assert.equal(health.admit('bank_a'), 'open')
  assert.equal(health.admit('bank_b'), 'closed')
  assert.deepEqual(changes, ['bank_a open'])
  assert.equal(health.snapshot('bank_a').retryInMs, 5_000)
})

test('after its time one probe is let through, and its success closes the breaker', () => {
  const { clock, changes, health, report } = setUp()
  report('unknown', 5)
  clock.now = 5_000
  assert.equal(health.snapshot('bank_a').state, 'half_open')
  assert.equal(health.admit('bank_a'), 'probe')
  assert.equal(health.admit('bank_a'), 'open')
  health.report('bank_a', 'declined', 10, true)
  assert.equal(health.admit('bank_a'), 'closed')
  assert.deepEqual(changes, ['bank_a open', 'bank_a closed'])
})

test('looking at a provider does not take its probe', () => {
  const { clock, health, report } = setUp()
  report('unknown', 5)
  clock.now = 5_000
  health.snapshot('bank_a')
  assert.equal(health.admit('bank_a'), 'probe')
})

test('the success rate and the latencies are those of the last minute', () => {
  const { clock, health, report } = setUp()
  report('succeeded', 90, 20)
  report('succeeded', 9, 400)
  report('unknown', 1, 30_000)
  const early = health.snapshot('bank_a')
  assert.equal(early.successRate, 0.99)
  assert.ok(early.latencyP50Ms !== null && early.latencyP50Ms >= 20 && early.latencyP50Ms <= 24)
  assert.ok(early.latencyP95Ms !== null && early.latencyP95Ms >= 400 && early.latencyP95Ms <= 480)
  clock.now = 49_999
  report('succeeded')
  assert.equal(health.snapshot('bank_a').calls, 101)
  clock.now = 60_000
  assert.equal(health.snapshot('bank_a').calls, 1)
  clock.now = 600_000
  assert.equal(health.snapshot('bank_a').calls, 0)
})

test('a call that was never sent has no latency', () => {
  const { health, report } = setUp()
  report('not_sent', 1, 0)
  assert.equal(health.snapshot('bank_a').latencyP50Ms, null)
})

test('successful lookups do not hide that every payment hangs, and do not close the breaker', () => {
  const { clock, changes, health, report } = setUp()
  const look = (probe = false) => health.report('bank_a', 'succeeded', 5, probe, 'lookup')
  for (let i = 0; i < 40; i++) {
    if (i < 5) report('unknown')
    look()
    look()
  }
  assert.equal(health.admit('bank_a'), 'open')
  assert.equal(health.admit('bank_a', 'lookup'), 'closed')
  clock.now = 5_000
  for (let i = 0; i < 10; i++) look(true)
  assert.equal(health.snapshot('bank_a').state, 'half_open')
  assert.equal(health.admit('bank_a'), 'probe')
  health.report('bank_a', 'declined', 10, true)
  assert.deepEqual(changes, ['bank_a open', 'bank_a closed'])
  const { calls, errors, lookups } = health.snapshot('bank_a')
  assert.deepEqual([calls, errors, lookups], [6, 5, { state: 'closed', retryInMs: 0, calls: 90, errors: 0 }])
})

test('lookups that fail have a breaker of their own, which keeps no payment away', () => {
  const { clock, health } = setUp()
  for (let i = 0; i < 5; i++) health.report('bank_a', 'unknown', 10, false, 'lookup')
  assert.equal(health.admit('bank_a', 'lookup'), 'open')
  assert.equal(health.admit('bank_a'), 'closed')
  assert.equal(health.snapshot('bank_a').lookups.state, 'open')
  clock.now = 5_000
  assert.equal(health.admit('bank_a', 'lookup'), 'probe')
  assert.equal(health.admit('bank_a', 'lookup'), 'open')
  health.report('bank_a', 'not_found', 10, true, 'lookup')
  assert.equal(health.admit('bank_a', 'lookup'), 'closed')
})

test('a repetition counts when it fails, and neither dilutes nor closes anything when it succeeds', () => {
  const { clock, health } = setUp()
  const again = (outcome: CallOutcome, times: number, probe = false) => {
    for (let i = 0; i < times; i++) health.report('bank_a', outcome, 10, probe, 'repetition')
  }
  again('unknown', 4)
  again('succeeded', 20)
  assert.equal(health.admit('bank_a'), 'closed')
  again('unknown', 1)
  assert.equal(health.admit('bank_a'), 'open')
  clock.now = 5_000
  again('succeeded', 3, true)
  assert.equal(health.snapshot('bank_a').state, 'half_open')
  again('unknown', 3, true)
  assert.equal(health.admit('bank_a'), 'probe', 'and its failure is no failed trial')
})
