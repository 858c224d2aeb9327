import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'node:test'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { atEnd, folderOf } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import type { Store } from '../../ports/store.ts'
import { indexedBefore } from './customer-index.ts'
import { indexState } from './key-index.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const scope = LIVE_SCOPE

/** Reads everything that was committed for a customer, page by page. */
async function idsOf(store: Store, customer: string): Promise<string[]> {
  const ids: string[] = []
  for (let startingAfter: string | undefined; ; startingAfter = ids.at(-1)) {
    const { data, hasMore } = await store.charges(scope, {
      ...{ customer, limit: 7 },
      ...(startingAfter !== undefined && { startingAfter }),
    })
    ids.push(...data.map(({ id }) => id))
    if (!hasMore) return ids
  }
}

test('another thread folds, and every committed key and charge is found at each moment; a second try makes no second charge', async (t) => {
  const file = join(folderOf(t), 'race.db')
  const fatal: Error[] = []
  const open = () => openSqliteStore({ file, foldAt: 16, onFatal: (error) => fatal.push(error) })
  let store = await open()
  atEnd(t, () => store.close())
  const draw = drawsFrom(3)
  const customers = Array.from({ length: 9 }, (_, i) => `cus_${i}`)
  const charges: { key: string; id: string; customer: string }[] = []
  async function charge(): Promise<void> {
    const [key, customer] = [randomUUID(), draw.of(customers)]
    const commit = chargeCommit({ scope, key, customer })
    // Two requests with one key, at once.
    const twin = { ...chargeCommit({ scope, key, customer }), key: commit.key }
    const kinds = await Promise.all([store.commit(commit), store.commit(twin)])
    assert.deepEqual(
      kinds.map(({ kind }) => kind),
      ['committed', 'key_exists'],
    )
    charges.push({ key, id: commit.charge.id, customer })
  }
  async function look(): Promise<void> {
    const before = [...charges]
    const customer = draw.of(customers)
    const ids = new Set(await idsOf(store, customer))
    for (const { id, customer: own } of before) assert.equal(ids.has(id), own === customer)
    for (let i = 0; i < 20 && before.length > 0; i++) {
      const { key, id } = draw.of(before)
      assert.equal((await store.idempotencyRecord(scope, key))?.ending.objectId, id)
      assert.equal(await store.idempotencyRecord(scope, `not ${key}`), undefined)
    }
  }
  for (let round = 0; round < 60; round++) {
    await Promise.all([look(), ...Array.from({ length: draw.between(1, 12) }, charge), look()])
    if (round % 20 === 19) {
      await store.close()
      store = await open()
    }
  }
  const reader = openReader(file)
  atEnd(t, () => reader.close())
  assert.ok(indexState(reader).foldedTo > 150 && indexedBefore(reader) > (charges[150]?.id ?? ''))
  assert.equal(verify(reader).problem, undefined)
  assert.deepEqual(fatal, [])
})

const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
/** Makes charges, and prints each that was committed. Ids go on after those of the process before. */
const charging = (file: string, ticks: number) => `
  const { writeSync } = await import('node:fs')
  const { openSqliteStore } = await import(${module('./store.ts')})
  const { chargeCommit, tick } = await import(${module('../../../test/kit/commits.ts')})
  for (let i = 0; i < ${ticks}; i++) tick()
  const scope = ${JSON.stringify(LIVE_SCOPE)}
  const store = await openSqliteStore({ file: ${JSON.stringify(file)}, foldAt: 16, onFatal: (error) => { throw error } })
  async function charge(number) {
    const commit = chargeCommit({ scope, customer: 'cus_' + (number % 5) })
    const { kind } = await store.commit(commit)
    writeSync(1, [kind, commit.key.key, commit.charge.id, commit.charge.customer].join(' ') + '\\n')
  }
  for (let i = 0; ; i += 6) await Promise.all(Array.from({ length: 6 }, (_, j) => charge(i + j)))`

test('a process that is killed while it folds loses no committed key and no charge of a list', async (t) => {
  const file = join(folderOf(t), 'killed.db')
  const committed: { key: string; id: string; customer: string }[] = []
  for (let round = 0; round < 4; round++) {
    const program = charging(file, round * 200_000)
    const child = spawn(process.execPath, ['-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    atEnd(t, () => child.kill('SIGKILL'))
    let text = ''
    const lines = () => text.split('\n').slice(0, -1)
    const most = 60 + 37 * round
    for await (const chunk of child.stdout) {
      text += chunk
      if (lines().length >= most) child.kill('SIGKILL')
    }
    if (child.signalCode === null && child.exitCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    for (const line of lines()) {
      const [kind, key = '', id = '', customer = ''] = line.split(' ')
      assert.equal(kind, 'committed')
      committed.push({ key, id, customer })
    }
    const store = await openSqliteStore({ file, foldAt: 16, onFatal: (error) => assert.fail(error) })
    for (const { key, id } of committed)
      assert.equal((await store.idempotencyRecord(scope, key))?.ending.objectId, id)
    for (const customer of new Set(committed.map((one) => one.customer))) {
      const ids = new Set(await idsOf(store, customer))
      for (const { id } of committed.filter((one) => one.customer === customer)) assert.ok(ids.has(id), id)
    }
    await store.close()
  }
  const reader = openReader(file)
  atEnd(t, () => reader.close())
  assert.ok(indexState(reader).foldedTo > 300)
  assert.equal(verify(reader).problem, undefined)
})
