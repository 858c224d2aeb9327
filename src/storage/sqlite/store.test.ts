import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { beginCommit, committed, newId, START, taken } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { addedEndpoint } from '../../../test/kit/webhooks.ts'
import type { AttemptState } from '../../domain/attempt.ts'
import type { Store } from '../../ports/store.ts'
import { startGuard } from './guard.ts'
import { identityOf } from './mark.ts'
import { sharedMemory } from './shared.ts'
import { openSqliteStore } from './store.ts'

function newFile(t: TestContext): string {
  const folder = tempDir()
  t.after(() => folder.remove())
  return join(folder.path, 'test.db')
}

const open = (file: string): Promise<Store> => openSqliteStore({ file, onFatal: assert.fail })
const LATER = START + 86_400_000

test('an attempt that a process was sending when it ended is unknown and due at once for the next process, without a lease', async (t) => {
  const file = newFile(t)
  const first = await open(file)
  const scope = LIVE_SCOPE
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

const LEASE_MS = 600_000
const PAST = 1

/** Each kind of work that is claimed: how one piece is made that is due, and how the due ones are claimed. */
const CLAIMED: Readonly<
  Record<
    string,
    {
      readonly make: (store: Store) => Promise<string>
      readonly claim: (store: Store, now: number, token: string) => Promise<readonly { id: string }[]>
    }
  >
> = {
  'cursor of a webhook endpoint': {
    make: async (store) => (await addedEndpoint(store, LIVE_SCOPE)).id,
    claim: async (store, now, token) =>
      (await store.claimWebhookCursors({ limit: 9, now, token, leaseUntil: now + LEASE_MS })).map(
        ({ endpoint }) => endpoint,
      ),
  },
  notification: {
    async make(store) {
      const about = { notificationId: 'n_1', subject: { about: 'dispute', reference: 'dp_1' } } as const
      const id = newId('ntf')
      await store.addNotification({ id, provider: 'bank_a', ...about, tries: 0, receivedAt: PAST })
      return id
    },
    claim: (store, now, token) =>
      store.claimNotifications({ limit: 9, now, token, leaseUntil: now + LEASE_MS }),
  },
  'unknown attempt': attemptThatIs('unknown'),
  'pending attempt': attemptThatIs('pending'),
  'authorization that may have lapsed': attemptThatIs('succeeded'),
}

function attemptThatIs(state: AttemptState): (typeof CLAIMED)[string] {
  return {
    async make(store) {
      const { commit, attempt } = beginCommit({
        scope: LIVE_SCOPE,
        capture: false,
        token: 'of the sender',
      })
      await committed(store, commit)
      const found = { reason: null, lookups: 0, unknownSince: PAST, dueAt: PAST }
      await store.postponeAttempt({ id: attempt.id, token: 'of the sender', state, ...found })
      return attempt.id
    },
    async claim(store, now, token) {
      const query = { provider: 'bank_a', limit: 9, now, token, leaseUntil: now + LEASE_MS }
      return (await store.claimAttempts(query)).map(({ attempt }) => attempt)
    },
  }
}

for (const [kind, { make, claim: claimDue }] of Object.entries(CLAIMED))
  test(`a claimed ${kind} is due at once for the process after the one that ended, and its lease is void`, async (t) => {
    const file = newFile(t)
    const first = await open(file)
    const id = await make(first)
    const now = Date.now()
    const claimed = async (store: Store, token: string) =>
      (await claimDue(store, now, token)).map((work) => work.id)
    assert.deepEqual(await claimed(first, 'of the dead'), [id])
    assert.deepEqual(await claimed(first, 'of the impatient'), [])
    await first.close()

    const next = await open(file)
    t.after(() => next.close())
    assert.deepEqual(await claimed(next, 'of the next'), [id])
  })

test('an attempt that a process has postponed is due for the next process at the postponed time', async (t) => {
  const file = newFile(t)
  const first = await open(file)
  const { make, claim: claimDue } = CLAIMED['notification']!
  const id = await make(first)
  const now = Date.now()
  await claimDue(first, now, 'mine')
  await first.settleNotification({ id, token: 'mine', state: 'pending', dueAt: now + 5_000, error: 'later' })
  await first.close()

  const next = await open(file)
  t.after(() => next.close())
  assert.deepEqual(await claimDue(next, now + 4_999, 'yours'), [])
  assert.equal((await claimDue(next, now + 5_000, 'yours')).length, 1)
})

test('what waits for the disk is weighed with the facts that it keeps in memory', async (t) => {
  const store = await open(newFile(t))
  t.after(() => store.close())
  const facts = 'x'.repeat(60_000_000)
  const large = () => {
    const { commit } = beginCommit({ scope: LIVE_SCOPE })
    return store.commit({ ...commit, key: { ...commit.key!, ending: { ...commit.key!.ending, facts } } })
  }
  const [first, second] = await Promise.allSettled([large(), large()])
  assert.equal(first.status, 'fulfilled')
  assert.equal(second.status === 'rejected' && second.reason.reason, 'overloaded')
})

/** Whether another process could take the database for itself: SQLite lets it only if no process has the file open. */
function isFree(file: string): boolean {
  const script = `const db = new (require('better-sqlite3'))(${JSON.stringify(file)}, { timeout: 0 })
    db.pragma('locking_mode = EXCLUSIVE')
    db.prepare('SELECT count(*) FROM sqlite_master').get()`
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  if (status !== 0) assert.match(stderr, /SQLITE_BUSY/)
  return status === 0
}

test('a process that opens its own database once more is refused, and keeps its locks', async (t) => {
  const file = newFile(t)
  const store = await open(file)
  await assert.rejects(open(file), /^Error: This process is using .*test\.db already\. /)
  assert.equal(isFree(file), false)
  await store.close()
  assert.equal(isFree(file), true)
})

test('a guard that was stopped reports no file that the close of the database removes', async (t) => {
  const file = newFile(t)
  const store = await open(file)
  const guard = startGuard({
    file,
    place: file,
    identity: identityOf(file) ?? assert.fail(),
    shared: sharedMemory(),
    onLoss: ({ file: lost }) => assert.fail(`${lost} is lost`),
  })
  guard.stop()
  await store.close()
  rmSync(`${file}-shm`, { force: true })
  assert.equal(guard.check(), undefined)
})
