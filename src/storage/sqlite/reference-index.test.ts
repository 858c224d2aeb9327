import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import {
  type Begun,
  beginCommit,
  beginRefundCommit,
  endCommit,
  NO,
  succeeded,
} from '../../../test/kit/commits.ts'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { openedStore } from '../../../test/kit/sqlite-store.ts'
import type { Charge } from '../../domain/charge.ts'
import type { Commit, Scope } from '../../ports/store.ts'
import { foldLongReferences } from './fold-references.ts'
import { migrations } from './migrate.ts'
import { referencesIndexedTo } from './reference-index.ts'
import { referenceIndexProblem } from './verify-references.ts'
import { isFailure } from './writer.ts'

const TEST_SCOPE: Scope = { ...LIVE_SCOPE, mode: 'test' }

function opened(t: TestContext, foldAt?: number) {
  const { queries, ...store } = openedStore(t, foldAt)
  return {
    ...store,
    holder: (kind: 'authorize' | 'refund', reference: string, provider = 'bank_a') =>
      queries().attemptByReference(provider, kind, reference)?.attempt.id,
    named: () =>
      queries()
        .providerUse(LIVE_SCOPE)
        .map(({ provider, remote }) => `${provider} ${remote}`),
  }
}

const endOf = (begun: Begun, reference: string, scope: Scope) =>
  endCommit(begun, succeeded(begun.attempt, reference), { scope })

test('an attempt is found by its reference alone, through folds, rollbacks and restarts', (t) => {
  const { db, write, holder, restart } = opened(t)
  const draw = drawsFrom(11)
  const kept: { kind: 'authorize' | 'refund'; reference: string; id: string }[] = []
  const charges: { charge: Charge; scope: Scope }[] = []
  let open: { begun: Begun; scope: Scope }[] = []
  let folds = 0
  for (let group = 0; group < 160; group++) {
    const before = referencesIndexedTo(db)
    const commits: Commit[] = []
    for (let i = draw.between(1, 9); i > 0; i--) {
      const scope = draw.of([LIVE_SCOPE, TEST_SCOPE])
      const last = charges.length > 0 && draw.chance(0.3) ? charges.pop() : undefined
      const begun = last
        ? beginRefundCommit(last.charge, { scope: last.scope })
        : beginCommit({ scope, provider: 'bank_a' })
      commits.push(begun.commit)
      open.push({ begun, scope: last?.scope ?? scope })
    }
    assert.ok(write(commits).every((result) => result === null))
    // Some end long after others: after several folds.
    const ready = open.filter(() => !draw.chance(draw.chance(0.1) ? 0.98 : 0.3))
    open = open.filter((one) => !ready.includes(one))
    const ends = ready.map(({ begun, scope }) => endOf(begun, `ref ${begun.attempt.id}`, scope))
    // One of the group breaks a rule: the group is rolled back, and the others are written one by one.
    const broken = endOf(beginCommit({ scope: LIVE_SCOPE }), 'ref broken', LIVE_SCOPE)
    const hasBroken = draw.chance(0.15)
    if (hasBroken) ends.push({ ...broken, charge: { ...broken.charge, version: 1, amount: -1 } })
    const failed = write(ends).filter(isFailure).length
    assert.equal(failed, Number(hasBroken))
    for (const { begun, scope } of ready) {
      const { id, kind } = begun.attempt
      kept.push({ kind: kind as 'authorize', reference: `ref ${id}`, id })
      if (kind === 'authorize') charges.push({ charge: endOf(begun, `ref ${id}`, scope).charge, scope })
    }
    if (referencesIndexedTo(db) > before) folds++
    if (draw.chance(0.08)) restart()
    for (let i = 0; i < 5 && kept.length > 0; i++) {
      const { kind, reference, id } = draw.of(kept)
      assert.equal(holder(kind, reference), id)
      assert.equal(holder(kind === 'refund' ? 'authorize' : 'refund', reference), undefined)
      assert.equal(holder(kind, reference, 'bank_b'), undefined)
    }
    assert.equal(holder('authorize', 'ref broken'), undefined)
    assert.equal(referenceIndexProblem(db), undefined)
  }
  assert.ok(folds > 15, `${folds} folds`)
  for (const { kind, reference, id } of kept) assert.equal(holder(kind, reference), id)
})

test('a reference that another attempt has is refused: one of the same group, of memory, and of the index', (t) => {
  const { db, write, holder, restart } = opened(t)
  const begin = () => {
    const begun = beginCommit({ scope: LIVE_SCOPE })
    assert.deepEqual(write([begun.commit]), [null])
    return begun
  }
  const [first, ...others] = Array.from({ length: 5 }, begin) as [Begun, ...Begun[]]
  const refused = { kind: 'reference_taken', attemptId: first.attempt.id }
  const end = (begun: Begun) => endOf(begun, 'same', LIVE_SCOPE)
  const second = others.pop() as Begun
  assert.deepEqual(write([end(first), end(second)]), [null, refused])
  assert.deepEqual(write([end(second)]), [refused])
  restart()
  assert.deepEqual(write([end(second)]), [refused])
  for (let i = 0; i < 60; i++) write([endOf(begin(), `other ${i}`, LIVE_SCOPE)])
  assert.ok(referencesIndexedTo(db) > first.attempt.id)
  assert.deepEqual(write([end(second)]), [refused])
  // An attempt that the mark has passed gets its reference now, and keeps it.
  const late = others.pop() as Begun
  assert.deepEqual(write([endOf(late, 'late', LIVE_SCOPE), endOf(second, 'late', LIVE_SCOPE)]), [
    null,
    { kind: 'reference_taken', attemptId: late.attempt.id },
  ])
  restart()
  assert.equal(holder('authorize', 'late'), late.attempt.id)
  assert.equal(referenceIndexProblem(db), undefined)
})

test('a reference of a group that was rolled back is free again', (t) => {
  const { db, write, holder } = opened(t)
  const [one, two] = [beginCommit({ scope: LIVE_SCOPE }), beginCommit({ scope: LIVE_SCOPE })]
  write([one.commit, two.commit])
  const broken = endOf(one, 'same', LIVE_SCOPE)
  const attempts = broken.attempts.map((attempt) => ({ ...attempt, amount: -1 }))
  assert.deepEqual(write([{ ...broken, attempts }]).map(isFailure), [true])
  assert.equal(holder('authorize', 'same'), undefined)
  assert.deepEqual(write([endOf(two, 'same', LIVE_SCOPE)]), [null])
  assert.equal(holder('authorize', 'same'), two.attempt.id)
  assert.equal(referenceIndexProblem(db), undefined)
})

test('providers that gave a reference are named, and as remote once one is not the sandbox’s', (t) => {
  const { write, named, restart } = opened(t)
  const take = (provider: string, reference: string) => {
    const begun = beginCommit({ scope: LIVE_SCOPE, provider })
    assert.deepEqual(write([begun.commit, endOf(begun, reference, LIVE_SCOPE)]), [null, null])
  }
  const refuse = beginCommit({ scope: LIVE_SCOPE, provider: 'bank_c' })
  write([refuse.commit, endCommit(refuse, NO, { scope: LIVE_SCOPE })])
  take('bank_a', 'sandbox_1')
  take('bank_b', 'pay_1')
  assert.deepEqual(named(), ['bank_a false', 'bank_b true', 'bank_c false'])
  restart()
  take('bank_a', 'pay_2')
  take('bank_b', 'sandbox_2')
  assert.deepEqual(named(), ['bank_a true', 'bank_b true', 'bank_c false'])
})

/** Attempts of the version before, and their index. */
const FORMER = `
  DROP TABLE reference_index;
  DROP TABLE reference_index_state;
  DROP TABLE referenced_providers;
  CREATE UNIQUE INDEX attempts_by_reference ON attempts (provider, kind, provider_reference)
    WHERE kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL;
  INSERT INTO attempts (id, account_id, live, transaction_id, kind, provider, state, amount, currency,
    provider_reference, idempotency_key, started_at, lookups)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
  SELECT 'att_' || printf('%026d', i), 1, i % 2, 'txn_' || printf('%026d', i),
    CASE i % 5 WHEN 0 THEN 'capture' WHEN 1 THEN 'refund' ELSE 'authorize' END,
    CASE WHEN i % 3 = 0 THEN 'bank_b' ELSE 'bank_a' END, 'succeeded', 5, 'usd',
    CASE WHEN i % 7 > 0 THEN CASE WHEN i % 3 = 0 THEN 'sandbox_' ELSE 'pay_' END || i END, i, 1, 0 FROM n;
  PRAGMA user_version = `

test('an upgrade of many attempts that is killed in the middle continues, and finds each by its reference', async (t) => {
  const { db, file, holder, restart } = opened(t)
  const steps = migrations()
  const before = steps.findIndex(({ name }) => name.endsWith('_reference_index.sql'))
  db.exec(FORMER + before)
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
  const program = `
    const { openWriter } = await import(${module('./open.ts')})
    const { migrate, migrations } = await import(${module('./migrate.ts')})
    const { foldLongReferences } = await import(${module('./fold-references.ts')})
    const db = openWriter(${JSON.stringify(file)})
    migrate(db, migrations().slice(0, ${before + 1}))
    let folds = 0
    foldLongReferences(db, () => ++folds === 2 && process.kill(process.pid, 'SIGKILL'), { long: 5_000, chunk: 3_000 })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  const indexed = db.prepare('SELECT count(*) FROM reference_index').pluck()
  assert.equal(indexed.get(), 6_000)
  assert.equal(referenceIndexProblem(db), undefined)
  const told: string[] = []
  foldLongReferences(db, (index, done, all) => void told.push(`${index} ${done} of ${all}`), {
    ...{ long: 5_000, chunk: 8_000 },
  })
  assert.deepEqual(
    told,
    [14_000, 20_572].map((done) => `references ${done} of 20572`),
  )
  assert.equal(indexed.get(), 20_572)
  assert.equal(referenceIndexProblem(db), undefined)
  foldLongReferences(db, () => assert.fail('Nothing is left to fold.'), { long: 0 })
  const noted = db.prepare('SELECT provider, remote FROM referenced_providers ORDER BY 1').raw().all()
  assert.deepEqual(noted, [
    ['bank_a', 1],
    ['bank_b', 0],
  ])
  restart()
  const idOf = (i: number) => `att_${String(i).padStart(26, '0')}`
  assert.equal(holder('authorize', 'pay_2'), idOf(2))
  assert.equal(holder('refund', 'pay_29996'), idOf(29_996))
  assert.equal(holder('refund', 'pay_2'), undefined)
})

test('verify finds a missing entry, a stray one, a provider that is not named, and two attempts with one reference', (t) => {
  const { db, write } = opened(t)
  const ids: string[] = []
  for (let i = 0; i < 40; i++) {
    const begun = beginCommit({ scope: LIVE_SCOPE })
    ids.push(begun.attempt.id)
    write([begun.commit, endOf(begun, `ref ${i}`, LIVE_SCOPE)])
  }
  const problemAfter = (sql: string) => {
    db.exec(`SAVEPOINT s; ${sql}`)
    const problem = referenceIndexProblem(db)
    db.exec('ROLLBACK TO s; RELEASE s')
    return problem
  }
  const [first, last] = [ids[0], ids.at(-1)]
  assert.equal(problemAfter(''), undefined)
  const missing = `The attempt ${first} is not in the index of provider references.`
  assert.equal(problemAfter(`DELETE FROM reference_index WHERE id = '${first}'`), missing)
  assert.equal(problemAfter(`UPDATE attempts SET provider_reference = 'x' WHERE id = '${first}'`), missing)
  assert.equal(
    problemAfter(`INSERT INTO reference_index VALUES (1, 'att_9')`),
    'The index of provider references has an entry of the attempt att_9, which has no reference.',
  )
  const unnamed = 'The provider bank_a is not among those that gave references.'
  assert.equal(problemAfter('DELETE FROM referenced_providers'), unnamed)
  assert.equal(problemAfter('UPDATE referenced_providers SET remote = 0'), unnamed)
  assert.equal(
    problemAfter(`UPDATE attempts SET provider_reference = 'ref 0' WHERE id = '${last}'`),
    `The attempt ${last} has the provider reference of another.`,
  )
})
