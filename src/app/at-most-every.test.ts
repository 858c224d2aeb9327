import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atMostEvery } from './at-most-every.ts'

test('a read is shared for its time, and then done again; a failed one is not kept', async () => {
  let [time, reads] = [0, 0]
  const results = [() => 1, () => assert.fail('unavailable'), () => 3]
  const read = atMostEvery(100, { monotonic: () => time }, async () => results[reads++]?.() ?? 4)
  assert.deepEqual(await Promise.all([read(), read()]), [1, 1])
  time = 99
  assert.equal(await read(), 1)
  time = 100
  await assert.rejects(read(), /unavailable/)
  assert.equal(await read(), 3)
  assert.equal(reads, 3)
})
