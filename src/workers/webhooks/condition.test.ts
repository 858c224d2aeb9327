import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Judgement } from '../../domain/webhooks/schedule.ts'
import { createCondition } from './condition.ts'

function conditionOf() {
  const failing = { since: null, warnedAt: null }
  return createCondition({ failing, maxProbeMs: 60_000, runtime: { monotonic: () => 0 }, now: () => 1_000 })
}
const attempt = { probe: false, responded: false, disableAfterMs: null }
const FAILED: Judgement = { state: 'failed', gone: false }
const REFUSED: Judgement = { ...FAILED, refused: true }

test('messages that fail for good in a row open the breaker', () => {
  const condition = conditionOf()
  for (let i = 0; i < 5; i++) condition.learn(FAILED, attempt)
  assert.notEqual(condition.open(), null)
})

test('a receiver that refuses single messages works: the breaker stays closed, and closes, but the endpoint is failing', () => {
  const condition = conditionOf()
  for (let i = 0; i < 50; i++) condition.learn(REFUSED, attempt)
  assert.equal(condition.open(), null)
  assert.equal(condition.failing().since, 1_000)
  for (let i = 0; i < 5; i++) condition.learn(FAILED, attempt)
  condition.learn(REFUSED, { ...attempt, probe: true })
  assert.equal(condition.open(), null)
})
