import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { ConfigError } from '../config.ts'
import type { ApiClient } from './api.ts'
import { replayCommand } from './webhook-replays.ts'

const NOW = Date.parse('2027-01-31T12:00:00.000Z')

/** Runs `minipay webhooks replay` against a server that ends each replay at once. Returns the body of its request. */
async function started(t: TestContext, ...words: readonly string[]): Promise<unknown> {
  for (const print of ['log', 'error'] as const) t.mock.method(console, print, () => {})
  const bodies: unknown[] = []
  const post = async (_path: string, body: unknown) => {
    bodies.push(body)
    return { id: 'rpl_1', status: 'done' }
  }
  const unused = () => assert.fail('it sends one request')
  const api = { get: unused, post, put: unused, patch: unused, delete: unused, stream: unused }
  await replayCommand(api as unknown as ApiClient, words, NOW)
  return bodies[0]
}

test('a replay of the past needs a beginning, or the word all', async (t) => {
  for (const range of [[], ['until=2027-01-01'], ['to_sequence=9'], ['event_types=payment.*']])
    await assert.rejects(started(t, 'default', 'past', ...range), {
      name: 'ConfigError',
      message: /since=24h.*after_sequence=N.*the word all/,
    })
  assert.deepEqual(await started(t, 'default', 'past', 'after_sequence=0'), {
    kind: 'past',
    after_sequence: 0,
  })
  assert.deepEqual(await started(t, 'default', 'past', 'all'), { kind: 'past' })
  assert.deepEqual(await started(t, 'default', 'past', 'until=2027-01-01', 'all'), {
    kind: 'past',
    until: '2027-01-01T00:00:00.000Z',
  })
  await assert.rejects(started(t, 'default', 'past', 'all', 'since=24h'), ConfigError)
})

test('failed deliveries need no beginning, because receivers have not accepted them', async (t) => {
  assert.deepEqual(await started(t, 'default', 'failed'), { kind: 'failed' })
  await assert.rejects(started(t, 'default', 'failed', 'all'), /"all" is no range/)
})

test('a beginning may be a duration, but not with a key: repeated, the request would have another body', async (t) => {
  assert.deepEqual(await started(t, 'default', 'past', 'since=24h'), {
    kind: 'past',
    since: '2027-01-30T12:00:00.000Z',
  })
  await assert.rejects(started(t, 'default', 'past', 'since=24h', 'idempotency_key=k'), /idempotency_key/)
  assert.deepEqual(await started(t, 'default', 'past', 'since=2027-01-30', 'idempotency_key=k'), {
    kind: 'past',
    since: '2027-01-30T00:00:00.000Z',
  })
})
