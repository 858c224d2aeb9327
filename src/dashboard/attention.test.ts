import assert from 'node:assert/strict'
import { test } from 'node:test'
import { earliest } from './attention.ts'

test('calls that come close together do not put off what is due, and a shorter time brings it forward', (t) => {
  let now = 0
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => now)
  const pass = (ms: number) => {
    now += ms
    t.mock.timers.tick(ms)
  }
  let runs = 0
  const within = earliest(() => {
    runs++
  })
  within(15_000)
  for (let i = 0; i < 9; i++) {
    within(1_000)
    pass(100)
  }
  assert.equal(runs, 0)
  pass(100)
  assert.equal(runs, 1)
  pass(20_000)
  assert.equal(runs, 1, 'one run for all calls')
  within(1_000)
  pass(1_000)
  assert.equal(runs, 2)
})
