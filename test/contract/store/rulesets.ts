import assert from 'node:assert/strict'
import { KEPT_VERSIONS } from '../../../src/domain/routing/rule-set.ts'
import type { Scope, Store } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, START } from '../../kit/commits.ts'

const replace = (store: Store, scope: Scope, version: number, document: string, note: string | null = null) =>
  store.replaceRuleSet(scope, version, { document, note, createdAt: START + version }, auditEntry(scope))

export function ruleSets(open: Open): void {
  rule(open, 'each replacement is the next version, and the newest counts', async (store, { live }) => {
    assert.equal(await store.ruleSet(live), undefined)
    assert.equal(await replace(store, live, 0, '{"rules":[]}', 'the first'), true)
    const first = {
      version: 1,
      document: '{"rules":[]}',
      note: 'the first',
      createdAt: START,
      author: 'keyless',
    }
    assert.deepEqual({ ...(await store.ruleSet(live)) }, first)
    assert.equal(await replace(store, live, 1, '{}'), true)
    const second = { version: 2, document: '{}', note: null, createdAt: START + 1, author: 'keyless' }
    assert.deepEqual({ ...(await store.ruleSet(live)) }, second)
    assert.deepEqual({ ...(await store.ruleSetVersion(live, 1)) }, first)
    assert.deepEqual({ ...(await store.ruleSetVersion(live, 2)) }, second)
    for (const none of [0, 3, 999_999_999]) assert.equal(await store.ruleSetVersion(live, none), undefined)
  })

  rule(
    open,
    'a replacement of an older version is refused, and one of many at once wins',
    async (store, { live }) => {
      assert.equal(await replace(store, live, 1, 'too early'), false)
      const won = await Promise.all(
        Array.from({ length: 10 }, (_, i) => replace(store, live, 0, `set ${i}`, `note ${i}`)),
      )
      assert.equal(won.filter((done) => done).length, 1)
      const { version, document, note } = (await store.ruleSet(live))!
      const winner = won.indexOf(true)
      assert.deepEqual([version, document, note], [1, `set ${winner}`, `note ${winner}`])
      assert.equal(await replace(store, live, 0, 'stale'), false)
      assert.equal((await store.ruleSet(live))?.version, 1)
    },
  )

  rule(open, 'each scope has rules of its own', async (store, { live, test, other }) => {
    await replace(store, live, 0, 'of live')
    assert.deepEqual([await store.ruleSet(test), await store.ruleSet(other)], [undefined, undefined])
    assert.equal(await replace(store, test, 0, 'of test'), true)
    assert.equal((await store.ruleSet(live))?.document, 'of live')
    assert.equal((await store.ruleSetVersion(test, 1))?.document, 'of test')
    assert.equal(await store.ruleSetVersion(other, 1), undefined)
  })

  rule(
    open,
    'the history lists the kept versions, newest first, in pages',
    async (store, { live, other }) => {
      const most = KEPT_VERSIONS + 2
      for (let version = 0; version < most; version++)
        await replace(store, live, version, version % 2 === 0 ? '{}' : 'null', `note ${version}`)
      const seen: number[] = []
      for (let before: number | undefined; ; ) {
        const query = { limit: 40, ...(before !== undefined && { before }) }
        const { data, hasMore } = await store.ruleSetVersions(live, query)
        for (const one of data)
          assert.deepEqual(
            { ...one },
            {
              version: one.version,
              author: 'keyless',
              note: `note ${one.version - 1}`,
              createdAt: START + one.version - 1,
              isBuiltIn: one.version % 2 === 0,
            },
          )
        seen.push(...data.map(({ version }) => version))
        if (!hasMore) break
        before = seen.at(-1)
      }
      assert.deepEqual(
        seen,
        Array.from({ length: KEPT_VERSIONS }, (_, i) => most - i),
      )
      assert.deepEqual(await store.ruleSetVersions(other, { limit: 1 }), { data: [], hasMore: false })
      const early = await store.ruleSetVersions(live, { limit: 1, before: Number.MAX_SAFE_INTEGER })
      assert.equal(early.data[0]?.version, most)
    },
  )
}
