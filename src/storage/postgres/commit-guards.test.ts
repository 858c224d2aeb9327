import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginCommit, chargeCommit, endCommit, succeeded } from '../../../test/kit/commits.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import type { Commit } from '../../ports/store.ts'
import { isCommitted, judgeApart } from './commit-guards.ts'

const passes = (...commits: readonly Commit[]) => judgeApart(commits)?.every(isCommitted)

test('commits that share no row pass together without a look at each', () => {
  const begun = beginCommit({ scope })
  const ended = endCommit(beginCommit({ scope }), succeeded(begun.attempt, 'a reference'), { scope })
  assert.equal(passes(chargeCommit({ scope }), chargeCommit({ scope }), begun.commit, ended), true)
})

test('commits that share a charge, a key or a reference are judged one after another', () => {
  const begun = beginCommit({ scope })
  const end = (reference: string, of = begun) => endCommit(of, succeeded(of.attempt, reference), { scope })
  const other = beginCommit({ scope })
  assert.equal(passes(end('one'), end('two')), undefined)
  assert.equal(passes(chargeCommit({ scope, key: 'k' }), chargeCommit({ scope, key: 'k' })), undefined)
  assert.equal(passes(end('same'), end('same', other)), undefined)
  assert.equal(passes(end('one'), end('two', other)), true)
})

test('a transfer that is none is judged, which throws', () => {
  const commit = chargeCommit({ scope })
  const [transfer] = commit.transfers
  assert.ok(transfer)
  assert.equal(passes({ ...commit, transfers: [{ ...transfer, amount: 0 }] }), undefined)
})
