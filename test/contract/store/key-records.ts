/** Records of keys whose requests made no commit: of replays, and of what has no object. */
import assert from 'node:assert/strict'
import type { KeyRecord } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, committed, type Open, rule, tick } from '../../kit/commits.ts'
import { addedEndpoint, replayOf } from '../../kit/webhooks.ts'

const keyOf = (key: string, ending: Partial<KeyRecord['ending']> = {}): KeyRecord => ({
  ...{ key, fingerprint: `POST /of/${key} {}`, surface: 'minipay' },
  ending: { kind: 'done', objectId: '', facts: '{"queued":3}', ...ending },
})

/** What is read of a record: its key is known, and no event was stored with it. */
function found({ key: _, ...record }: KeyRecord) {
  return { ...record, event: null }
}

export function keyRecords(open: Open): void {
  rule(open, 'a record without a commit is stored once, in its scope', async (store, { live, test }) => {
    const [first, second] = [keyOf('once'), { ...keyOf('once'), fingerprint: 'POST /other {}' }]
    assert.equal(await store.addIdempotencyRecord(live, first, tick()), true)
    assert.equal(await store.addIdempotencyRecord(live, second, tick()), false)
    assert.deepEqual(await store.idempotencyRecord(live, 'once'), found(first))
    assert.equal(await store.idempotencyRecord(test, 'once'), undefined)
    assert.equal(await store.addIdempotencyRecord(test, second, tick()), true)
    assert.deepEqual(await store.idempotencyRecord(test, 'once'), found(second))
  })

  rule(open, 'a record without a commit and a charge share one space of keys', async (store, { live }) => {
    await committed(store, chargeCommit({ scope: live, key: 'of a charge' }))
    assert.equal(await store.addIdempotencyRecord(live, keyOf('of a charge'), tick()), false)
    const record = keyOf('of a record')
    assert.equal(await store.addIdempotencyRecord(live, record, tick()), true)
    const refused = await store.commit(chargeCommit({ scope: live, key: 'of a record' }))
    assert.deepEqual(refused, { kind: 'key_exists', record: found(record) })
  })

  rule(
    open,
    'a replay is stored with the record of its key, or not at all',
    async (store, { live, test }) => {
      const endpoint = await addedEndpoint(store, live)
      const replays = Array.from({ length: 12 }, () => replayOf(endpoint))
      const entries = replays.map(() => auditEntry(live))
      const records = replays.map(({ id }) => keyOf('one', { kind: 'created', objectId: id, facts: null }))
      const added = await Promise.all(
        replays.map((replay, i) => store.addReplay(replay, entries[i] ?? null, records[i])),
      )
      assert.equal(added.filter(Boolean).length, 1)
      const [place = 0, winner = assert.fail()] = [added.indexOf(true), replays[added.indexOf(true)]]
      const { data } = await store.replays(live, endpoint.id, { limit: 20 })
      assert.deepEqual(data, [winner])
      assert.deepEqual(await store.idempotencyRecord(live, 'one'), found(records[place] ?? assert.fail()))
      for (const [i, entry] of entries.entries())
        assert.equal((await store.auditEntry(live, entry.id)) !== undefined, added[i])

      const unknown = replayOf({ scope: live, id: 'we_none' })
      assert.equal(await store.addReplay(unknown, null, keyOf('unused')), false)
      assert.equal(await store.idempotencyRecord(live, 'unused'), undefined)
      const other = await addedEndpoint(store, test)
      assert.equal(await store.addReplay(replayOf(other), null, records[0]), true, 'of another scope')
    },
  )
}
