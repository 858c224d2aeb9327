import assert from 'node:assert/strict'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, START } from '../../kit/commits.ts'

export function ruleSets(open: Open): void {
  rule(open, 'each replacement is the next version, and the newest counts', async (store, { live }) => {
    assert.equal(await store.ruleSet(live), undefined)
    assert.equal(await store.replaceRuleSet(live, 0, '{"rules":[]}', START, auditEntry(live)), true)
    assert.deepEqual(await store.ruleSet(live), { version: 1, document: '{"rules":[]}', createdAt: START })
    assert.equal(await store.replaceRuleSet(live, 1, '{}', START + 1, auditEntry(live)), true)
    assert.deepEqual(await store.ruleSet(live), { version: 2, document: '{}', createdAt: START + 1 })
  })

  rule(
    open,
    'a replacement of an older version is refused, and one of many at once wins',
    async (store, { live }) => {
      const replace = (version: number, document: string) =>
        store.replaceRuleSet(live, version, document, START, auditEntry(live))
      assert.equal(await replace(1, 'too early'), false)
      const won = await Promise.all(Array.from({ length: 10 }, (_, i) => replace(0, `set ${i}`)))
      assert.equal(won.filter((done) => done).length, 1)
      const { version, document } = (await store.ruleSet(live))!
      assert.deepEqual([version, document], [1, `set ${won.indexOf(true)}`])
      assert.equal(await replace(0, 'stale'), false)
      assert.equal((await store.ruleSet(live))?.version, 1)
    },
  )

  rule(open, 'each scope has rules of its own', async (store, { live, test, other }) => {
    await store.replaceRuleSet(live, 0, 'of live', START, auditEntry(live))
    assert.deepEqual([await store.ruleSet(test), await store.ruleSet(other)], [undefined, undefined])
    assert.equal(await store.replaceRuleSet(test, 0, 'of test', START, auditEntry(test)), true)
    assert.equal((await store.ruleSet(live))?.document, 'of live')
  })
}
