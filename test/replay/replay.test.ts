import assert from 'node:assert/strict'
import test from 'node:test'
import { replay } from './replay.ts'

const SEED = 1
const REQUESTS = 2_000

test('one log of requests, bad ones and races gives the same answers, books and events on both engines', async (t) => {
  const { difference, summary } = await replay(SEED, REQUESTS)
  for (const line of summary) t.diagnostic(line)
  if (difference !== undefined) assert.fail(difference)
})
