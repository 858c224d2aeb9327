import assert from 'node:assert/strict'
import test from 'node:test'
import { SMALL, storm } from './storm.ts'

const SEED = 1

test('kills, cuts, a crash and a failover under load lose nothing that was acknowledged and do nothing twice', async (t) => {
  const { wrong, summary } = await storm(SEED, SMALL, (line) => t.diagnostic(line))
  for (const line of summary) t.diagnostic(line)
  assert.deepEqual(wrong, [], `seed ${SEED}`)
})
