import assert from 'node:assert/strict'
import test from 'node:test'
import { SMALL, storm } from './storm.ts'

const SEED = 1

for (const engine of ['sqlite', 'postgres'] as const)
  test(`on ${engine}, with providers that lie: the books are in order, and money that is not booked has an alarm`, async (t) => {
    const { problems, summary } = await storm(SEED, SMALL, engine)
    for (const line of summary) t.diagnostic(line)
    assert.deepEqual(problems, [], `seed ${SEED} on ${engine}`)
  })
