import assert from 'node:assert/strict'
import { type Open, rule } from '../../kit/commits.ts'

/** What the store says of its database. */
export function system(open: Open): void {
  rule(open, 'its facts have the engine with its version, a size, and the own node alone', async (store) => {
    const { engine, version, databaseBytes, freeBytes, nodes } = await store.systemFacts()
    assert.match(version, /^\d+\.\d+(\.\d+)?$/)
    assert.ok(Number.isSafeInteger(databaseBytes) && databaseBytes > 10_000, String(databaseBytes))
    if (engine === 'sqlite') {
      assert.ok(Number.isSafeInteger(freeBytes), String(freeBytes))
      assert.equal(nodes, null)
    } else {
      assert.equal(freeBytes, null)
      const [own, ...others] = nodes ?? []
      assert.deepEqual([own?.isOwn, others], [true, []])
      assert.ok(Math.abs((own?.seenAt ?? 0) - store.now()) < 60_000)
    }
  })
}
