import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { beginCommit, committed, START, taken } from '../../../test/contract/fixtures.ts'
import { tempDir } from '../../../test/harness.ts'
import { DEFAULT_SCOPE, type Store } from '../../ports/store.ts'
import { openSqliteStore } from './store.ts'

function newFile(t: TestContext): string {
  const folder = tempDir()
  t.after(() => folder.remove())
  return join(folder.path, 'test.db')
}

const open = (file: string): Promise<Store> => openSqliteStore({ file, onFatal: assert.fail })
const LATER = START + 86_400_000

test('what a process was sending when it ended is unknown and due at once for the next one, and its lease is void', async (t) => {
  const file = newFile(t)
  const first = await open(file)
  const scope = DEFAULT_SCOPE
  const sent = beginCommit({ scope, leaseUntil: LATER, token: 'of the dead' })
  const test = { ...scope, mode: 'test' } as const
  const inTest = beginCommit({ scope: test, leaseUntil: LATER })
  for (const { commit } of [sent, inTest]) await committed(first, commit)
  const ended = await taken(first, { scope })
  const claim = {
    provider: 'bank_a',
    limit: 9,
    now: START + 3_600_000,
    leaseUntil: LATER,
    token: 'of the next',
  }
  assert.deepEqual(await first.claimAttempts(claim), [])
  await first.close()

  const next = await open(file)
  t.after(() => next.close())
  const owned = await next.claimAttempts(claim)
  assert.deepEqual(owned.map(({ attempt }) => attempt.id).sort(), [sent.attempt.id, inTest.attempt.id].sort())
  assert.deepEqual(
    owned.map(({ attempt }) => [attempt.state, attempt.unknownSince]),
    owned.map(({ attempt }) => ['unknown', attempt.startedAt]),
  )
  const { byState } = await next.attemptTotals(0)
  assert.deepEqual([byState.sending, byState.unknown], [0, 2])
  const { id } = sent.attempt
  const postponement = {
    id,
    state: 'unknown',
    reason: null,
    lookups: 0,
    unknownSince: START,
    dueAt: LATER,
  } as const
  assert.equal(await next.postponeAttempt({ ...postponement, token: 'of the dead' }), false)
  assert.deepEqual(
    (await next.attempt(ended.attempt.id))?.attempt,
    ended.attempt,
    'the others stay as they are',
  )
})

test('what waits for the disk is weighed with the answers that it keeps in memory', async (t) => {
  const store = await open(newFile(t))
  t.after(() => store.close())
  const body = 'x'.repeat(60_000_000)
  const large = () => {
    const { commit } = beginCommit({ scope: DEFAULT_SCOPE })
    return store.commit({ ...commit, key: { ...commit.key!, answer: { kind: 'accepted', body } } })
  }
  const [first, second] = await Promise.allSettled([large(), large()])
  assert.equal(first.status, 'fulfilled')
  assert.equal(second.status === 'rejected' && second.reason.reason, 'overloaded')
})
