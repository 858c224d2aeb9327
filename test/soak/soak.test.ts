import assert from 'node:assert/strict'
import test from 'node:test'
import { SMALL } from './plan.ts'
import { noProc } from './sampler.ts'
import { soak } from './soak.ts'

const SEED = 1
/** What one process may take, in MiB; a fresh one takes some 100. */
const MAX_RSS_MIB = 300

test('slow, greedy and vanishing clients, kills and a long read leave nothing open and lose nothing', {
  skip: noProc,
}, async (t) => {
  const { wrong, summary, peakRssMiB } = await soak(SEED, SMALL, 'sqlite', (line) => t.diagnostic(line))
  for (const line of summary) t.diagnostic(line)
  assert.deepEqual(wrong, [], `seed ${SEED}`)
  assert.ok(peakRssMiB < MAX_RSS_MIB, `${peakRssMiB} MiB`)
})
