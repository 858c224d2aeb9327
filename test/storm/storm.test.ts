import assert from 'node:assert/strict'
import test from 'node:test'
import { SMALL, storm } from './storm.ts'

const SEED = 1

test('a storm of faults and kills loses no charge, charges no customer twice, and leaves nothing open', async (t) => {
  const { problems, summary } = await storm(SEED, SMALL)
  for (const line of summary) t.diagnostic(line)
  assert.deepEqual(problems, [], `seed ${SEED}`)
})
