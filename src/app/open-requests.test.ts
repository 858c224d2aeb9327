import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEYLESS_SCOPE as SCOPE, type Scope } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createOpenRequests } from './open-requests.ts'

const OTHER: Scope = { ...SCOPE, mode: 'live' }

test('a request is visible under its scope and key until it ends, also by an error', async () => {
  const requests = createOpenRequests<string>(nodeRuntime)
  for (const end of ['resolve', 'reject'] as const) {
    const work = Promise.withResolvers<void>()
    const run = requests.run(SCOPE, 'order 1', () => work.promise)
    assert.ok(requests.running(SCOPE, 'order 1'))
    assert.equal(requests.running(OTHER, 'order 1'), undefined)
    assert.equal(requests.running(SCOPE, 'order 2'), undefined)
    work[end]()
    await Promise.allSettled([run])
    assert.equal(requests.running(SCOPE, 'order 1'), undefined)
  }
})

test('the end of a request leaves the next one with the same key visible', async () => {
  const requests = createOpenRequests<string>(nodeRuntime)
  const first = requests.run(SCOPE, 'order 1', async () => {})
  const work = Promise.withResolvers<void>()
  const second = requests.run(SCOPE, 'order 1', () => work.promise)
  await first
  assert.ok(requests.running(SCOPE, 'order 1'))
  work.resolve()
  await second
})

test('a request gets the response that arrives while it waits', async () => {
  const requests = createOpenRequests<string>(nodeRuntime)
  const response = requests.wait(SCOPE, 'order 1', 60_000)
  assert.equal(requests.isWaiting(SCOPE, 'order 1'), true)
  requests.respond(OTHER, 'order 1', 'for another scope')
  requests.respond(SCOPE, 'order 1', 'paid')
  assert.equal(await response, 'paid')
  assert.equal(requests.isWaiting(SCOPE, 'order 1'), false)
})

test('a request waits no longer than it may, and a later response goes nowhere', async () => {
  const requests = createOpenRequests<string>(nodeRuntime)
  assert.equal(await requests.wait(SCOPE, 'order 1', 1), undefined)
  assert.equal(requests.isWaiting(SCOPE, 'order 1'), false)
  requests.respond(SCOPE, 'order 1', 'paid')
})
